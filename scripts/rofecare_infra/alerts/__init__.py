"""The alerts that fire now, and the sections of the runbook."""

from rofecare_infra.alerts.current import Alert, alerts_of, firing, sections

__all__ = ["Alert", "alerts_of", "firing", "sections"]
