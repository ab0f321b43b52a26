"""Finds log lines and traces in what the monitoring has collected."""

from rofecare_infra.search.lines import LogLine, lines_of
from rofecare_infra.search.query import Wanted, query
from rofecare_infra.search.show import shown_line, shown_spans
from rofecare_infra.search.spans import Span, spans_of
from rofecare_infra.search.stores import Found, Stores, search

__all__ = [
    "Found",
    "LogLine",
    "Span",
    "Stores",
    "Wanted",
    "lines_of",
    "query",
    "search",
    "shown_line",
    "shown_spans",
    "spans_of",
]
