"""The lifecycle of the platform: start in stages, stop in reverse order, report status."""

from rofecare_infra.lifecycle.connections import Connection, connections, gateway_url, host_of
from rofecare_infra.lifecycle.cpus import restore as restore_limits
from rofecare_infra.lifecycle.cpus import restore_unless_changing as restore_limits_unless_changing
from rofecare_infra.lifecycle.failure import current_failure
from rofecare_infra.lifecycle.ingress import (
    behind_ingress,
    close_ingress,
    is_closed_since,
    open_ingress,
    open_services,
    opened_since,
    reopen,
    require_open,
    stop_writers,
)
from rofecare_infra.lifecycle.inside import probe
from rofecare_infra.lifecycle.phase import Seen
from rofecare_infra.lifecycle.ready import until_ready
from rofecare_infra.lifecycle.start import start, start_ungated
from rofecare_infra.lifecycle.status import ServiceStatus, as_started, left_running, status
from rofecare_infra.lifecycle.stop import (
    StopReport,
    reverse_stages,
    stop,
    stop_in_stages,
    stop_monitoring,
    stop_together,
    without_secrets,
)

__all__ = [
    "Connection",
    "Seen",
    "ServiceStatus",
    "StopReport",
    "as_started",
    "behind_ingress",
    "close_ingress",
    "connections",
    "current_failure",
    "gateway_url",
    "host_of",
    "is_closed_since",
    "left_running",
    "open_ingress",
    "open_services",
    "opened_since",
    "probe",
    "reopen",
    "require_open",
    "restore_limits",
    "restore_limits_unless_changing",
    "reverse_stages",
    "start",
    "start_ungated",
    "status",
    "stop",
    "stop_in_stages",
    "stop_monitoring",
    "stop_together",
    "stop_writers",
    "until_ready",
    "without_secrets",
]
