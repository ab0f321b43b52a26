"""The cause of a failure in a log: a known signature, what Spring describes, or the innermost exception."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from rofecare_infra.diagnosis import spring
from rofecare_infra.diagnosis.text import plain

# A cause is one line on a terminal, or a few.
_LONGEST = 400
# What lies below every program, and says how it was started and how it ended.
_BELOW = ("kernel", "engine")
# The part of the table about exceptions that no signature knows.
_PASSING = "passing"


@dataclass(frozen=True)
class Cause:
    """Why a program failed, in one line, and what to do about it: empty where nothing is known.

    Both may contain {service}, {short} and {container}.
    """

    text: str
    next_step: str = ""
    # Whether another attempt of the same program may succeed.
    passes: bool = False


@dataclass(frozen=True)
class Signature:
    """A line by which a known fault is recognized."""

    # The program that writes it.
    software: str
    pattern: re.Pattern[str]
    # Both are templates with the groups of the pattern.
    cause: str
    next_step: str
    # Whether it may pass by itself; what was logged before the application reported that it failed was overcome.
    passes: bool = False
    # Whether it counts only where the log says nothing else.
    last: bool = False


@cache
def signatures() -> tuple[Signature, ...]:
    """The known faults of the programs of the platform, of the engine and of the kernel."""
    return tuple(
        Signature(
            software,
            re.compile(one["pattern"], re.MULTILINE),
            one["cause"],
            one.get("next", ""),
            passes=one.get("passes", False),
            last=one.get("last", False),
        )
        for software, found in _table().items()
        if software != _PASSING
        for one in found
    )


def cause_of(log: Sequence[str], reported: Sequence[str] = ()) -> Cause | None:
    """The cause of a failure, from the log of the run that failed, and from what the engine reported about it.

    None where neither names one.
    """
    lines = plain(log)
    text = "\n".join(lines)
    # What may pass has passed if the application went on and failed later.
    end = "\n".join(lines[spring.failed_at(lines) :])
    known = signatures()
    return (
        _signed([(one, "\n".join(reported)) for one in known if one.software in _BELOW and not one.last])
        or _signed([(one, end if one.passes else text) for one in known if not one.last])
        or _described(lines)
        or _signed([(one, "\n".join([*reported, text])) for one in known if one.passes or one.last])
    )


def _signed(looked_at: Iterable[tuple[Signature, str]]) -> Cause | None:
    """The cause of the first signature that matches its text."""
    for signature, text in looked_at:
        # The last one counts: what was logged before a fault that was overcome is not its cause.
        matches = [*signature.pattern.finditer(text)]
        if matches:
            groups = {name: value or "" for name, value in matches[-1].groupdict().items()}
            cause, step = (filled(template, groups) for template in (signature.cause, signature.next_step))
            return _cause(cause, step, passes=signature.passes)
    return None


def _described(lines: Sequence[str]) -> Cause | None:
    """What Spring's failure analysis or the innermost exception says."""
    described = spring.failure(lines)
    inner = spring.innermost(lines)
    if described is not None:
        description, action = described
        text = f"{description} [{inner}]" if inner and _adds(inner, description) else description
        return _cause(text, action)
    reported = inner or spring.cancelled(lines)
    return _cause(reported, passes=_may_pass(reported)) if reported else None


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with these values of its names in braces; others stay, for a later call."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), template)


def _adds(inner: str, description: str) -> bool:
    message = inner.partition(": ")[2].partition(" (bean")[0]
    return bool(message) and message not in description


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath("signatures.toml").read_text(encoding="utf-8"))


def _may_pass(text: str) -> bool:
    return any(re.search(one["pattern"], text) for one in _table()[_PASSING])


def _cause(text: str, next_step: str = "", *, passes: bool = False) -> Cause:
    one_line = " ".join(text.split())
    short = one_line if len(one_line) <= _LONGEST else f"{one_line[:_LONGEST]}..."
    return Cause(short, " ".join(next_step.split()), passes=passes)
