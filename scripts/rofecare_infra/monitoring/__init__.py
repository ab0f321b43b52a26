"""Access of the monitoring: its role in every database."""

from rofecare_infra.monitoring.access import grant_monitoring_access

__all__ = ["grant_monitoring_access"]
