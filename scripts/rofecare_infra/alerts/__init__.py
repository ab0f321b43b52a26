"""What the monitoring warns of now, and what the runbook says about it."""

from rofecare_infra.alerts.ask import firing
from rofecare_infra.alerts.records import Alert, alerts_of, sections

__all__ = ["Alert", "alerts_of", "firing", "sections"]
