"""From what somebody looks for to what the store of the log lines is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rofecare_infra.errors import UsageError

# Where words of a line may stand: what the template calls text.
_TEXTS = ("message", "error.message", "error.stack_trace")
_TRACE = re.compile(r"[0-9a-f]{16}|[0-9a-f]{32}")
# What the store gives at once.
MOST = 10_000


@dataclass(frozen=True)
class Wanted:
    """What is looked for; what is empty is not asked for."""

    text: str = ""
    services: Sequence[str] = ()
    # A Unix time in seconds.
    since: float | None = None
    trace: str = ""
    level: str = ""
    limit: int = 100


def checked(wanted: Wanted) -> Wanted:
    """The same in the store's spelling. Raises UsageError for what nothing can match."""
    trace = wanted.trace.strip().lower()
    if trace and not _TRACE.fullmatch(trace):
        raise UsageError(
            "that is no identifier of a trace",
            seen=f"--trace {wanted.trace[:80]}",
            expected="16 or 32 digits and letters a to f: what an answer has in X-Trace-Id",
            next_step="inv search-logs --trace <X-Trace-Id>",
        )
    if not 1 <= wanted.limit <= MOST:
        raise UsageError(
            "that many lines cannot be shown",
            seen=f"--limit {wanted.limit}",
            expected=f"1 to {MOST}",
            next_step="narrow the search by --service or --since",
        )
    return Wanted(wanted.text, tuple(wanted.services), wanted.since, trace, wanted.level.upper(), wanted.limit)


def query(wanted: Wanted) -> Mapping[str, Any]:
    """The search, newest lines first: when there are more than wanted, the oldest are left out."""
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
        # The words in their order, the last of them perhaps only its beginning.
        words = {"query": wanted.text, "type": "phrase_prefix", "fields": list(_TEXTS), "max_expansions": 500}
        filters.append({"multi_match": words})
    return {
        "size": wanted.limit,
        "track_total_hits": True,
        "sort": [{"@timestamp": "desc"}, {"container.id": "desc"}, {"sequence": "desc"}],
        "query": {"bool": {"filter": filters}},
    }
