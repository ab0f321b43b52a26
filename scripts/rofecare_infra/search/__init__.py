"""Finds log lines and traces in the stores of the monitoring."""

from rofecare_infra.search.query import Wanted, query
from rofecare_infra.search.results import LogLine, Span, lines_of, shown_line, shown_spans, spans_of
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
