"""The use cases of the running platform: prepare, start phase by phase, stop in reverse, tell its status."""

from rofecare_infra.phases.mode import forget as forget_production
from rofecare_infra.phases.monitored import stop_monitoring
from rofecare_infra.phases.prepare import Prepared, Project, initialise, open_for_stop, open_project, prepare
from rofecare_infra.phases.start import start
from rofecare_infra.phases.status import ServiceStatus, as_started, left_running, status
from rofecare_infra.phases.stop import StopReport, stop

__all__ = [
    "Prepared",
    "Project",
    "ServiceStatus",
    "StopReport",
    "as_started",
    "forget_production",
    "initialise",
    "left_running",
    "open_for_stop",
    "open_project",
    "prepare",
    "start",
    "status",
    "stop",
    "stop_monitoring",
]
