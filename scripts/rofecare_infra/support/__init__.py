"""One archive for somebody far away who helps: without secrets, and by default without the text of any log line."""

from rofecare_infra.support.archive import save
from rofecare_infra.support.collect import Extent, collect

__all__ = ["Extent", "collect", "save"]
