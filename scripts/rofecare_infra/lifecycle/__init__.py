"""The lifecycle of the platform: start in stages, stop in reverse order, report status."""

from rofecare_infra.lifecycle.connections import Connection, connections, gateway_port
from rofecare_infra.lifecycle.start import start, until_ready
from rofecare_infra.lifecycle.status import ServiceStatus, as_started, left_running, status
from rofecare_infra.lifecycle.stop import StopReport, stop, stop_in_stages, stop_monitoring, stop_together

__all__ = [
    "Connection",
    "ServiceStatus",
    "StopReport",
    "as_started",
    "connections",
    "gateway_port",
    "left_running",
    "start",
    "status",
    "stop",
    "stop_in_stages",
    "stop_monitoring",
    "stop_together",
    "until_ready",
]
