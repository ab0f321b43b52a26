"""Builds the query for log lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rofecare_infra.errors import UsageError

# The fields of a line that the index template maps as text.
_TEXTS = ("message", "error.message", "error.stack_trace")
_TRACE = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
# The maximum number of lines that the store returns.
MOST = 10_000


@dataclass(frozen=True)
class Wanted:
    """The search criteria; empty ones do not restrict the search."""

    text: str = ""
    services: Sequence[str] = ()
    # A Unix time in seconds.
    since: float | None = None
    trace: str = ""
    level: str = ""
    limit: int = 100


def checked(wanted: Wanted) -> Wanted:
    """The same, normalized. Raises UsageError for criteria that nothing can match."""
    trace = wanted.trace.strip().lower()
    if trace and not _TRACE.fullmatch(trace):
        raise UsageError(
            "invalid identifier of a trace",
            seen=f"--trace {wanted.trace[:80]}",
            expected="16 or 32 hexadecimal digits, as in the header X-Trace-Id of an answer",
            next_step="inv search-logs --trace <X-Trace-Id>",
        )
    if not 1 <= wanted.limit <= MOST:
        raise UsageError(
            "invalid number of lines",
            seen=f"--limit {wanted.limit}",
            expected=f"1 to {MOST}",
            next_step="narrow the search by --service or --since",
        )
    return Wanted(wanted.text, tuple(wanted.services), wanted.since, trace, wanted.level.upper(), wanted.limit)


def query(wanted: Wanted) -> Mapping[str, Any]:
    """The query, newest lines first: beyond the limit, the oldest lines are omitted."""
    filters: list[Mapping[str, Any]] = []
    if wanted.services:
        filters.append({"terms": {"compose.service": list(wanted.services)}})
    if wanted.since is not None:
        moment = datetime.fromtimestamp(wanted.since, UTC).isoformat(timespec="milliseconds")
        filters.append({"range": {"@timestamp": {"gte": moment}}})
    if wanted.trace:
        filters.append({"term": {"trace.id": wanted.trace}})
    if wanted.level:
        filters.append({"term": {"log.level": wanted.level}})
    if wanted.text:
        # The words in order; the last one may be incomplete.
        words = {"query": wanted.text, "type": "phrase_prefix", "fields": list(_TEXTS), "max_expansions": 500}
        filters.append({"multi_match": words})
    return {
        "size": wanted.limit,
        "track_total_hits": True,
        "sort": [{"@timestamp": "desc"}, {"container.id": "desc"}, {"sequence": "desc"}],
        "query": {"bool": {"filter": filters}},
    }
