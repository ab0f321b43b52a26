"""Interrupts a command at each of its effects, lets the next command recover, and checks the world."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from rofecare_infra.errors import CommandError
from tests.support.decisions import Killed, Plan, Stage, World

Command = Callable[[World], None]


def every_interruption(stage: Stage, command: Command, recovery: Command) -> int:
    """Interrupt the command at each of its effects, in each way, recover, and check; return the number of runs."""
    runs = 0
    for what in (Killed, KeyboardInterrupt, CommandError):
        for after in (False, True):
            for number in itertools.count(1):
                world, plan = stage.new(), Plan(number, what, after)
                outcome = interrupted(world, command, plan)
                world.interrupted_at()
                recovery(world)
                world.check(f"{plan}: {outcome!r}")
                if outcome is None:
                    break
                runs += 1
    return runs


def interrupted(world: World, command: Command, *plans: Plan) -> BaseException | None:
    """What the command ends with when it is interrupted like this; None if it completes."""
    world.interrupted_at(*plans)
    try:
        command(world)
    except (Killed, KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - whatever it ends with
        return error
    return None


def every_interrupted_recovery(stage: Stage, command: Command, recovery: Command) -> None:
    """Kill the command at each of its effects, then its recovery at each of those, recover again, and check."""
    for first in itertools.count(1):
        for second in itertools.count(1):
            world = stage.new()
            if interrupted(world, command, Plan(first, Killed)) is None:
                return
            outcome = interrupted(world, recovery, Plan(second, Killed, after=True))
            world.interrupted_at()
            recovery(world)
            world.check(f"killed at {first}, then at {second}")
            if outcome is None:
                break
