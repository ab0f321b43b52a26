"""The namespace of the tasks, as `inv --list` shows it. The tasks are in `rofecare_infra.boundary.tasks`."""

from __future__ import annotations

from pathlib import Path

from invoke.collection import Collection

from rofecare_dev.tasks import bench, dashboards, lint, test
from rofecare_infra.boundary import bind
from rofecare_infra.boundary.tasks.backups import backup, backups, restore, unpack_backup, verify_backup
from rofecare_infra.boundary.tasks.hosting import install_service, schedule_backups
from rofecare_infra.boundary.tasks.maintenance import build, outdated, rotate, sbom, upgrade
from rofecare_infra.boundary.tasks.monitoring import alerts, search_logs, start_monitoring, stop_monitoring
from rofecare_infra.boundary.tasks.nodes import nodes, place
from rofecare_infra.boundary.tasks.platform import init, start_all, start_infra, stop_all, unlock
from rofecare_infra.boundary.tasks.stack import deploy
from rofecare_infra.boundary.tasks.status import doctor, logs, smoke, status, support, timeline, why

namespace = Collection(
    # the platform
    start_all,
    start_infra,
    deploy,
    build,
    stop_all,
    init,
    rotate,
    upgrade,
    outdated,
    unlock,
    # its state
    doctor,
    support,
    status,
    why,
    timeline,
    logs,
    search_logs,
    smoke,
    sbom,
    # its monitoring
    start_monitoring,
    stop_monitoring,
    alerts,
    # its data
    backup,
    backups,
    verify_backup,
    restore,
    unpack_backup,
    schedule_backups,
    # its hosts
    install_service,
    nodes,
    place,
    # this repository
    test,
    lint,
    dashboards,
    bench,
)
bind(namespace, Path(__file__).resolve().parent)
