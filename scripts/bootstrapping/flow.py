"""The order of things: look, install, start the engine, make the environment, become the task."""

from __future__ import annotations

import os
import sys

from bootstrapping.environment import Environment
from bootstrapping.gaps import find_gaps
from bootstrapping.needs import TASKS_WITH_DEV_TOOLS
from bootstrapping.request import USAGE_TEXT, Request, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run(argv: list[str], root: str) -> int:
    """Do what the command line says, for the checkout at `root`. Does not return when the task runs."""
    request = parse(argv)
    if request is None:
        sys.stdout.write(USAGE_TEXT)
        return 0
    os.chdir(root)
    environment = Environment(root, dev=request.task in TASKS_WITH_DEV_TOOLS)
    if not environment.is_ready() or find_gaps(request.task, environment):
        from bootstrapping.repair import repair

        repair(request, environment)
    return become(environment, request)


def become(environment: Environment, request: Request) -> NoReturn:
    """Turn this process into the task: its exit code and ^C are the task's own."""
    inv = f"{environment.programs}/inv"
    # Linters and clients that were installed for the checkout are found, and so is debootstrap by a plain user.
    path = f"{environment.programs}:{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    os.execve(inv, [inv, request.task, *request.arguments], {**os.environ, "PATH": path})  # noqa: S606
