"""Parses the start of a time range: 30s, 10m, 2h, 1d, or a time in ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from rofecare_infra.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# The engine accepts no time before 1970, and reads 0 as no limit: older times become this second.
_FIRST = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
# No duration needs more digits; Python refuses to parse thousands of them.
_DIGITS = 15


def parse_since(text: str, now: float) -> float | None:
    """The Unix time in seconds, at least 1.0; None for an empty text.

    Raises UsageError for an invalid text.
    """
    if not text:
        return None
    parts = re.findall(r"(\d+)([smhd])", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        if any(len(number) > _DIGITS for number, _ in parts):
            return _FIRST
        return max(_FIRST, now - sum(int(number) * _UNITS[unit] for number, unit in parts))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "invalid start of the time range",
            seen=f"--since {text}",
            expected="30s, 10m, 2h, 1d, or a time such as 2026-01-31T08:00:00",
            next_step="inv logs <service> --since 10m",
        ) from None
    try:
        # A time without a zone is local time.
        return max(_FIRST, (moment if moment.tzinfo else moment.astimezone()).astimezone(UTC).timestamp())
    except (ValueError, OverflowError, OSError):
        # At the limits of the calendar, the conversion to UTC leaves the range of years.
        return _FIRST if moment.year < _EPOCH.year else _LAST
