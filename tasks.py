"""The namespace of the tasks: what `inv --list` shows. What they are stands in `rofecare_infra.boundary.tasks`."""

from __future__ import annotations

from pathlib import Path

from invoke.collection import Collection

from rofecare_dev.tasks import bench, dashboards, lint, test
from rofecare_infra.boundary import accept_lists, bind
from rofecare_infra.boundary.tasks.data import backup, backups, restore, schedule_backups, unpack_backup, verify_backup
from rofecare_infra.boundary.tasks.hosting import install_service
from rofecare_infra.boundary.tasks.looks import logs, smoke, status
from rofecare_infra.boundary.tasks.monitoring import alerts, start_monitoring, stop_monitoring
from rofecare_infra.boundary.tasks.platform import build, init, rotate, start_all, start_infra, stop_all, upgrade
from rofecare_infra.boundary.tasks.search import search_logs

namespace = Collection(
    # the platform
    start_all,
    start_infra,
    build,
    stop_all,
    init,
    rotate,
    upgrade,
    # a look at it
    status,
    logs,
    search_logs,
    smoke,
    # what watches it
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
    # the machine that it runs on
    install_service,
    # this repository
    test,
    lint,
    dashboards,
    bench,
)
bind(namespace, Path(__file__).resolve().parent)
# What takes any number of names, and those of its flags that are followed by a value.
_FLAGS = ("--from-project", "-f", "--only", "-o", "--to", "-t")
accept_lists({"verify-backup": _FLAGS, "restore": _FLAGS, "unpack-backup": _FLAGS}, "--id")
accept_lists({"build": (), "logs": ("--tail", "-t", "--since", "-i")})
accept_lists(
    {"search-logs": ("--service", "-s", "--since", "-i", "--trace", "-r", "--level", "-l", "--limit", "-m")}, "--text"
)
