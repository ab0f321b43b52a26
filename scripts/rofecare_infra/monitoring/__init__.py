"""Access of the monitoring: its role in every database, and its token for the gateway."""

from rofecare_infra.monitoring.access import grant_monitoring_access, renew_token

__all__ = ["grant_monitoring_access", "renew_token"]
