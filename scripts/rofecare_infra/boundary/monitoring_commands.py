"""The bodies of the tasks that watch the platform: start and stop the monitoring."""

from __future__ import annotations

import time
from pathlib import Path

from rofecare_infra import phases
from rofecare_infra.boundary.commands import prepare
from rofecare_infra.engine import connect
from rofecare_infra.platform import MONITORING
from rofecare_infra.progress import Scope, renderer_for, table


def start_monitoring(root: Path, *, as_json: bool) -> None:
    """Start what watches, on top of the platform or without it; say where to look."""
    began = time.monotonic()
    with Scope(renderer_for(as_json=as_json)) as scope:
        prepared = prepare(root, scope, monitoring=True)
        containers = scope.follow(phases.start(prepared, phases=[MONITORING]))
        count = f"{len(containers)} of {len(containers)} containers ready"
        scope.say(f"up: {count} after {time.monotonic() - began:.1f} s\n")
        rows = [
            (service.name, f"http://localhost:{port.published}")
            for service in prepared.platform.services
            if service.phase == MONITORING
            for port in service.ports
        ]
        scope.say(table(("SERVICE", "ADDRESS"), rows))


def stop_monitoring(root: Path, *, as_json: bool) -> None:
    """Stop what watches; the platform and what was recorded stay."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = phases.open_for_stop(root)
        report = scope.follow(phases.stop_monitoring(connect(), project.platform))
        scope.say(f"stopped: {len(report.stopped)} containers" if report.stopped else "nothing was running")
