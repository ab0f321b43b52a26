"""What is measured: a scenario of commands, each in the state that the one before it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rofecare_infra.errors import UsageError

# The commit that is checked out, the commit it is compared with, and docker compose on the files of the first one: as
# they are, and with the order of the phases as dependencies.
THIS = "this"
AGAINST = "against"
COMPOSE = "compose"
ORDERED = "ordered"
# What is read instead of timed.
FLOOR = "floor"
IDLE = "idle"


@dataclass(frozen=True)
class Measure:
    """One command to time, for `inv` and for `docker compose`."""

    name: str
    inv: tuple[str, ...]
    # Empty: docker compose has no equivalent.
    compose: tuple[str, ...] = ()
    # Whether later measures need what this command does, so that it runs even if it is not selected.
    is_step: bool = False
    # Fills the databases instead of running a command; not timed.
    fills: bool = False
    # For docker compose: dumps and checksums alone, two databases at a time.
    dumps: bool = False
    # Reads processor seconds instead of running a command: those that containers used, or those of a quiet minute.
    reads: str = ""
    # What the output says of the time without service, as a measure of its own.
    hold: str = ""


@dataclass(frozen=True)
class Sample:
    """How long one command took, or the processor time that something used, in seconds."""

    measure: str
    contender: str
    seconds: float


def scenario(*, whole: bool, infrastructure: Sequence[str] = (), production: bool = False) -> tuple[Measure, ...]:
    """The measures in order, from no containers and no data; images are there already.

    `whole` starts the whole platform, otherwise only its infrastructure: `infrastructure` names those services for
    docker compose. `production` starts the whole platform as production, for which docker compose has no equivalent.
    To add a measure, add an entry where the platform is in the state that it needs.
    """
    filled = (
        Measure("fill", (), is_step=True, fills=True),
        Measure("full-backup", ("backup",), is_step=True, dumps=True),
        Measure("restore", ("restore", "--only", "patient"), hold="restore-hold"),
    )
    if production:
        hardened = ("start-all", "--prod")
        return (
            Measure("cold", hardened, is_step=True),
            Measure("idle", (), reads=IDLE),
            Measure("no-op", hardened),
            Measure("stop", ("stop-all",), is_step=True),
            Measure("warm", hardened, is_step=True),
            *filled,
        )
    start = ("start-all",) if whole else ("start-infra",)
    services = () if whole else tuple(infrastructure)
    up = ("up", "--detach", "--wait", "--no-build", "--pull", "never", *services)
    return (
        Measure("cold", start, up, is_step=True),
        # No start can be faster than the processor time of its containers, shared by all cores.
        Measure("floor", (), reads=FLOOR),
        Measure("no-op", start, up),
        Measure("idle", (), reads=IDLE),
        Measure("backup", ("backup",)),
        Measure("stop", ("stop-all",), ("down",), is_step=True),
        # As after `stop-all`: no containers, but images and data.
        Measure("warm", start, up, is_step=True),
        *filled,
    )


def chosen(measures: Sequence[Measure], names: Sequence[str]) -> tuple[Measure, ...]:
    """What must run to measure `names` (none: all): these, and the steps before the last of them.

    Raises UsageError for a name that no measure has.
    """
    known = [one.name for one in measures]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UsageError(
            f"there is no measure {unknown[0]!r}",
            seen=f"--only {','.join(names)}",
            expected=f"some of {', '.join(known)}",
            next_step="inv bench --only cold,stop, or inv bench for all measures",
        )
    if not names:
        return tuple(measures)
    last = max(known.index(name) for name in names)
    return tuple(one for one in measures[: last + 1] if one.is_step or one.name in names)


def order(contenders: Sequence[str], number: int) -> tuple[str, ...]:
    """The contenders of a run: in turn forwards and backwards, so that none always profits from the one before it."""
    return tuple(contenders) if number % 2 == 0 else tuple(reversed(contenders))
