"""The bodies of the tasks that watch the platform: start and stop the monitoring, show what it warns of."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from invoke.exceptions import Exit

from rofecare_infra import alerts, lifecycle
from rofecare_infra.alerts import Alert
from rofecare_infra.boundary.commands import prepare
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import MONITORING
from rofecare_infra.progress import Scope, duration, renderer_for, table
from rofecare_infra.project import open_for_stop, open_project


def start_monitoring(root: Path, *, as_json: bool) -> None:
    """Start what watches, on top of the platform or without it; say where to look."""
    began = time.monotonic()
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = prepare(root, scope, monitoring=True)
        containers = scope.follow(lifecycle.start(project, phases=[MONITORING]))
        count = f"{len(containers)} of {len(containers)} containers ready"
        scope.say(f"up: {count} after {time.monotonic() - began:.1f} s\n")
        rows = [
            (service.name, f"http://localhost:{port.published}")
            for service in project.platform.services
            if service.phase == MONITORING
            for port in service.ports
        ]
        scope.say(table(("SERVICE", "ADDRESS"), rows))
        told = [name for name in ("ALERT_EMAIL", "ALERT_WEBHOOK") if project.settings.get(name)]
        scope.say(f"\nalerts are told by: {', '.join(told) or 'inv alerts alone (ALERT_EMAIL, ALERT_WEBHOOK in .env)'}")


def stop_monitoring(root: Path, *, as_json: bool) -> None:
    """Stop what watches; the platform and what was recorded stay."""
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = open_for_stop(root)
        report = scope.follow(lifecycle.stop_monitoring(project.engine, project.platform))
        scope.say(f"stopped: {len(report.stopped)} containers" if report.stopped else "nothing was running")


def show_alerts(root: Path, *, as_json: bool) -> None:
    """What fires now, with what the runbook says of it; exit code 7 when something critical does."""
    project = open_project(root, secrets_checked=False)
    found = alerts.firing(project.platform)
    out = renderer_for()
    if as_json:
        critical = any(one.critical for one in found)
        out.say(json.dumps({"critical": critical, "alerts": [asdict(one) for one in found]}, indent=2))
    else:
        runbook = alerts.sections((root / "monitoring" / "runbook.md").read_text(encoding="utf-8"))
        for line in _told(found, runbook):
            out.say(line)
    if any(one.critical for one in found):
        raise Exit(code=ServiceFailedError.exit_code)


def _told(found: Sequence[Alert], runbook: Mapping[str, str]) -> Iterator[str]:
    """The alerts as a person reads them: each kind once with its section, what another one explains last."""
    now = datetime.now(UTC)
    shown: dict[str, list[Alert]] = {}
    for one in found:
        if not one.explained:
            shown.setdefault(one.name, []).append(one)
    for name, alike in shown.items():
        for one in alike:
            yield f"{one.severity}: {one.summary}"
            yield f"  {name}, for {duration((now - datetime.fromisoformat(one.since)).total_seconds())}"
        yield from (f"  | {line}" for line in runbook.get(name, "the runbook has no section for it").splitlines())
        yield ""
    count = sum(len(alike) for alike in shown.values())
    yield f"{count} alerts fire" if count != 1 else "1 alert fires"
    explained = sorted({one.name for one in found if one.explained})
    if explained:
        yield f"explained by these: {', '.join(explained)}"
