"""The order of things: look, install, start the engine, make the environment, become the task."""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

from bootstrapping.environment import Environment
from bootstrapping.errors import USAGE, Refusal
from bootstrapping.needs import TASKS_WITH_DEV_TOOLS, TASKS_WITHOUT_ENGINE, Gap
from bootstrapping.survey import engine_gaps, python_gaps, tool_gaps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

USAGE_TEXT = """\
usage: python3 scripts/bootstrap.py [--no-install] TASK [arguments of the task]

Prepares this machine and this checkout, then runs `inv TASK`: the virtual environment in .venv from the
locked versions, Docker Engine 25 or newer with Compose 2.24 or newer and buildx, and the programs that the
task calls. On Debian and Ubuntu, as root or by sudo, what is missing is installed from the distribution's
packages, and the engine is started. Each command that changes the machine is printed, after a "+".

  --no-install   install nothing and start no engine: say what is missing and how to get it (.venv is made)
  -h, --help     this text

Tasks: start-all, start-infra, build, stop-all, logs, init, status, smoke, test, lint; `inv --list` says more.
"""


class Request(NamedTuple):
    """What was asked for on the command line."""

    task: str
    arguments: tuple[str, ...]
    may_install: bool


def parse(argv: list[str]) -> Request | None:
    """Read the command line; None when help was asked for. Raises Refusal for one that makes no sense."""
    may_install = True
    for number, word in enumerate(argv):
        if word in ("-h", "--help"):
            return None
        if word == "--no-install":
            may_install = False
        elif word.startswith("-"):
            raise _misuse(f"the option {word} before the task")
        else:
            return Request(word, tuple(argv[number + 1 :]), may_install)
    raise _misuse("no task")


def _misuse(seen: str) -> Refusal:
    return Refusal(
        "the command line is not understood",
        seen=seen,
        expected="[--no-install] TASK [arguments of the task]",
        then="python3 scripts/bootstrap.py --help",
        code=USAGE,
    )


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


def find_gaps(task: str, environment: Environment) -> list[Gap]:
    """Find what `task` needs and the machine lacks."""
    gaps = [] if environment.is_ready() else python_gaps()
    if task not in TASKS_WITHOUT_ENGINE:
        gaps += engine_gaps()
    return gaps + tool_gaps(task, environment.programs)


def become(environment: Environment, request: Request) -> NoReturn:
    """Turn this process into the task: its exit code and ^C are the task's own."""
    inv = f"{environment.programs}/inv"
    # Linters and clients that were installed for the checkout are found, and so is debootstrap by a plain user.
    path = f"{environment.programs}:{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    os.execve(inv, [inv, request.task, *request.arguments], {**os.environ, "PATH": path})  # noqa: S606
