"""The command line: what was asked for."""

from __future__ import annotations

from typing import NamedTuple

from bootstrapping.errors import USAGE, Refusal

USAGE_TEXT = """\
usage: python3 scripts/bootstrap.py [--no-install] TASK [arguments of the task]

Prepares this machine and this checkout, then runs `inv TASK`: the virtual environment in .venv from the
locked versions, Docker Engine 25 or newer with Compose 2.24 or newer and buildx, and the programs that the
task calls. On Debian and Ubuntu, as root or by sudo, what is missing is installed from the distribution's
packages, and the engine is started. Each command that changes the machine is printed, after a "+".

  --no-install   install nothing and start no engine: say what is missing and how to get it (.venv is made)
  -h, --help     this text

Tasks: start-all, start-infra, build, stop-all, logs, init, rotate, upgrade, status, smoke, search-logs,
start-monitoring, stop-monitoring, alerts, backup, backups, verify-backup, restore, unpack-backup,
schedule-backups, install-service, test, lint, dashboards; `inv --list` says more.
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
