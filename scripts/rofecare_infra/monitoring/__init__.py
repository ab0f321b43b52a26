"""The monitoring: its role in every database, its pages, and the applications that it watches."""

from rofecare_infra.monitoring.access import grant_monitoring_access
from rofecare_infra.monitoring.applications import further_applications
from rofecare_infra.monitoring.pages import USER, Page, page_of, pages

__all__ = ["USER", "Page", "further_applications", "grant_monitoring_access", "page_of", "pages"]
