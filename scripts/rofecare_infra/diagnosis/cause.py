"""The cause of a failure in a log: a known signature, what Spring describes, or the innermost exception."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from rofecare_infra.diagnosis import spring
from rofecare_infra.diagnosis.text import plain

# A cause is one line on a terminal, or a few.
_LONGEST = 400


@dataclass(frozen=True)
class Cause:
    """Why a program failed, in one line, and what to do about it: empty where nothing is known.

    Both may contain {service}, {short} and {container}.
    """

    text: str
    next_step: str = ""


@dataclass(frozen=True)
class Signature:
    """A line by which a known fault is recognized."""

    # The program that writes it.
    software: str
    pattern: re.Pattern[str]
    # Both are templates with the groups of the pattern.
    cause: str
    next_step: str


@cache
def signatures() -> tuple[Signature, ...]:
    """The known faults of PostgreSQL, Redis, Kafka, ZooKeeper, Elasticsearch, Caddy, the JVM and Spring."""
    table = tomllib.loads(files(__package__).joinpath("signatures.toml").read_text(encoding="utf-8"))
    return tuple(
        Signature(software, re.compile(one["pattern"], re.MULTILINE), one["cause"], one.get("next", ""))
        for software, found in table.items()
        for one in found
    )


def cause_of(log: Sequence[str]) -> Cause | None:
    """The cause of a failure, from the log of the run that failed; None if the log does not name one."""
    lines = plain(log)
    text = "\n".join(lines)
    for signature in signatures():
        # The last one counts: what was logged before a fault that was overcome is not its cause.
        matches = [*signature.pattern.finditer(text)]
        if matches:
            groups = {name: value or "" for name, value in matches[-1].groupdict().items()}
            return _cause(filled(signature.cause, groups), filled(signature.next_step, groups))
    described = spring.failure(lines)
    inner = spring.innermost(lines)
    if described is not None:
        description, action = described
        return _cause(f"{description} [{inner}]" if inner and _adds(inner, description) else description, action)
    return _cause(inner) if inner else None


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with these values of its names in braces; others stay, for a later call."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)


def _adds(inner: str, description: str) -> bool:
    message = inner.partition(": ")[2].partition(" (bean")[0]
    return bool(message) and message not in description


def _cause(text: str, next_step: str = "") -> Cause:
    one_line = " ".join(text.split())
    return Cause(one_line if len(one_line) <= _LONGEST else f"{one_line[:_LONGEST]}...", " ".join(next_step.split()))
