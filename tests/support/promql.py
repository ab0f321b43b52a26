"""The selectors of PromQL expressions: what has to exist in a live scrape for an alert ever to fire."""

from __future__ import annotations

import re

# What looks like a metric and is none.
_WORDS = frozenset(
    [
        "sum",
        "max",
        "min",
        "avg",
        "count",
        "by",
        "without",
        "on",
        "ignoring",
        "and",
        "or",
        "unless",
        "rate",
        "increase",
        "changes",
        "time",
        "vector",
        "abs",
        "offset",
        "bool",
        "histogram_quantile",
        "label_replace",
        "max_over_time",
        "predict_linear",
        "clamp_min",
        "absent",
    ]
)
_SELECTOR = re.compile(r"(?<![\w\"$.])([a-z_][a-z0-9_]*)(\{[^}]*\})?(?!\s*\()")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring)\s*\([^)]*\)")
_TEXT = re.compile(r'(?<![=~])"[^"]*"')


def selectors(expression: str) -> list[str]:
    """Every `name` or `name{matchers}` of the expression, each once."""
    bare = _TEXT.sub('""', _GROUPING.sub("", expression))
    # Durations, and numbers with an exponent.
    bare = re.sub(r"\[[^\]]*\]|\boffset\s+\w+|\b\d[\w.]*", "", bare)
    found = {match.group(0): None for match in _SELECTOR.finditer(bare) if match.group(1) not in _WORDS}
    return list(found)
