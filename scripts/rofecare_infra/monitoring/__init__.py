"""The monitoring: its role in every database, and the applications that it watches."""

from rofecare_infra.monitoring.access import grant_monitoring_access
from rofecare_infra.monitoring.applications import further_applications

__all__ = ["further_applications", "grant_monitoring_access"]
