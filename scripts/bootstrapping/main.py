"""The entry point: reads the command line, prepares what is missing, becomes the task; turns errors into exit codes."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NamedTuple

from bootstrapping.environment import Environment
from bootstrapping.errors import BUG, COMMAND, INTERRUPTED, USAGE, Refusal
from bootstrapping.needs import LIST, TASKS_WITH_DEV_TOOLS
from bootstrapping.survey import find_gaps

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
  --list         show the tasks
  -h, --help     this text
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
        elif word.startswith("-") and word != LIST:
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


def become(environment: Environment, request: Request) -> NoReturn:
    """Turn this process into the task: its exit code and ^C are the task's own."""
    inv = f"{environment.programs}/inv"
    # Linters and clients that were installed for the checkout are found, and so is debootstrap by a plain user.
    path = f"{environment.programs}:{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    os.execve(inv, [inv, request.task, *request.arguments], {**os.environ, "PATH": path})  # noqa: S606


def guarded(argv: list[str]) -> int:
    """Run the bootstrap for the checkout that this file belongs to, and return its exit code."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    try:
        return run(argv, root)
    except Refusal as refusal:
        message, code = str(refusal), refusal.code
    except KeyboardInterrupt:
        message, code = "bootstrap: interrupted; the same command goes on from here", INTERRUPTED
    except OSError as error:
        unusable = Refusal(
            "a file or program cannot be used",
            seen=f"{error.filename or ''}: {error.strerror or error}".lstrip(": "),
            expected=f"a checkout that this user may write to, and space on the disk ({root})",
            then="put that right, then the same command again",
            code=COMMAND,
        )
        message, code = str(unusable), unusable.code
    except Exception:  # noqa: BLE001 - the last net: what is not expected is a bug, and reported as one
        message, code = _bug(), BUG
    # If the stream is closed, the exit code remains.
    with contextlib.suppress(OSError):
        sys.stderr.write(message + "\n")
    return code


def _bug() -> str:
    """Write the traceback to a file and say where it is."""
    import traceback

    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"rofecare-bootstrap-{os.getpid()}.txt")  # noqa: S108
    report = traceback.format_exc()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return f"bootstrap: a bug in the bootstrap\n{report}"
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{sys.version}\n{report}")
    return f"bootstrap: a bug in the bootstrap; please report it with the file {path}"
