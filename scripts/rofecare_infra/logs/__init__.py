"""Logs of services, live: they continue when a container is restarted or replaced."""

from rofecare_infra.logs.follow import Line, follow, history
from rofecare_infra.logs.line import View, shown
from rofecare_infra.logs.record import Record, parse
from rofecare_infra.logs.selection import parse_wanted, select
from rofecare_infra.logs.since import parse_since

__all__ = ["Line", "Record", "View", "follow", "history", "parse", "parse_since", "parse_wanted", "select", "shown"]
