"""Instructions where the bootstrap may not or could not install: what is missing and how to install it."""

from __future__ import annotations

from typing import NamedTuple

from bootstrapping.errors import ENGINE, SETTINGS, Refusal
from bootstrapping.needs import EXPECTED_ENGINE, Gap, Part
from bootstrapping.plan import (
    Apt,
    Command,
    commands,
    elsewhere,
    extraction,
    quoted,
    shown,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootstrapping.system import System

# Gaps that no package closes.
NOT_PACKAGES = frozenset({Part.STOPPED, Part.UNREACHABLE, Part.FORBIDDEN})


class Machine(NamedTuple):
    """A machine, and by what it may be changed: `sudo` stands before each command, () for root."""

    system: System
    apt: Apt
    may_change: bool
    sudo: tuple[str, ...]
    has_systemd: bool


class Wish(NamedTuple):
    """What is to run in the end: the task as typed, and where its environment is."""

    command: tuple[str, ...]
    environment: str


def plan(gaps: list[Gap], machine: Machine) -> list[Command]:
    """List the commands that install what `gaps` name. Raises Refusal when the mirror is not known."""
    try:
        return commands(gaps, machine.system, machine.apt)
    except LookupError as error:
        raise Refusal(
            "Docker Engine cannot be installed",
            seen=str(error),
            expected="the mirror from which this machine has its own packages",
            then="name it in /etc/apt/sources.list.d, then the same command again",
            code=ENGINE,
        ) from None


def refusal(gaps: list[Gap], wish: Wish, machine: Machine, why: str) -> Refusal:
    """Say what is missing, `why` that is not put right here, and how it is."""
    of_engine = any(gap.part.is_engine for gap in gaps)
    what = ", ".join(dict.fromkeys(gap.tool.command if gap.tool else gap.part.value for gap in gaps))
    expected = [EXPECTED_ENGINE] if of_engine else []
    if any(gap.part is Part.PYTHON for gap in gaps):
        expected.append("Python 3.11 or newer with the modules venv and ensurepip")
    programs = [f"`{gap.tool.command}`" for gap in gaps if gap.tool]
    if programs:
        expected.append(f"{', '.join(programs)}: called by the task")
    return Refusal(
        f"missing: {what} ({why})",
        seen="\n".join(dict.fromkeys(gap.seen for gap in gaps)),
        expected="\n".join(expected),
        then="\n".join(_remedies(gaps, wish, machine)),
        code=ENGINE if of_engine else SETTINGS,
    )


def _remedies(gaps: list[Gap], wish: Wish, machine: Machine) -> Iterator[str]:
    """Say, a command a line, how `gaps` are closed by hand."""
    parts = {gap.part for gap in gaps}
    again = quoted(wish.command)
    to_install = [gap for gap in gaps if gap.part not in NOT_PACKAGES]
    if to_install and machine.system.has_known_packages:
        if Part.FORBIDDEN not in parts and Part.UNREACHABLE not in parts:
            yield f"as root, this does all of it: {again}"
        yield "by hand, as root:"
        yield from (shown(command) for command in plan(to_install, machine))
        for gap in to_install:
            if gap.tool is not None and gap.tool.extracted:
                yield from (shown(command) for command in extraction(gap.tool, wish.environment))
    elif to_install:
        yield elsewhere(to_install, machine.system)
    if Part.STOPPED in parts or (Part.SERVER in parts and machine.system.has_known_packages):
        yield "systemctl start docker" if machine.has_systemd else "dockerd >>/var/log/dockerd.log 2>&1 </dev/null &"
    if Part.FORBIDDEN in parts:
        yield "let this user at the engine: sudo usermod -aG docker $USER"
        yield "in a new login (or after `newgrp docker`):"
    if Part.UNREACHABLE in parts:
        yield "see to the engine that this setting names, or take the setting back; then:"
    yield again
