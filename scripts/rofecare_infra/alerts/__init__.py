"""The alerts that fire now, a test of the way to their receivers, and the sections of the runbook."""

from rofecare_infra.alerts.current import Alert, alerts_of, firing, sections
from rofecare_infra.alerts.delivery import Delivery, Sent, error_of, send_test

__all__ = ["Alert", "Delivery", "Sent", "alerts_of", "error_of", "firing", "sections", "send_test"]
