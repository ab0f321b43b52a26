"""The only place that starts processes: a question asked of a program, and a command that changes the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import deque
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
# Lines of a failed command's output that its message repeats, and characters of each: all of it was shown already.
_TAIL = 3
_WIDTH = 240


class Answer(NamedTuple):
    """How a program ended: exit code (127: not found, 124: no answer in time) and its output, stripped."""

    code: int
    out: str
    err: str


class Question:
    """A program that was asked something and runs; `answer` waits for it. Several can run side by side."""

    def __init__(self, *argv: str) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._error = ""
        try:
            self._process = subprocess.Popen(  # noqa: S603 - an argv of this project's own
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                env=environment(),
            )
        except OSError as error:
            self._error = f"{argv[0]}: {error.strerror}"

    def answer(self, seconds: float = 20.0) -> Answer:
        """Wait at most `seconds` for the end."""
        if self._process is None:
            return Answer(127, "", self._error)
        try:
            out, err = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            return Answer(124, "", f"no answer within {seconds:.0f} s")
        return Answer(self._process.returncode, out.strip(), err.strip())


def ask(*argv: str) -> Answer:
    """Run a program that changes nothing, and return its output."""
    return Question(*argv).answer()


def environment() -> dict[str, str]:
    """Return this process's environment with the folders of system programs, which a user's PATH may lack."""
    return {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}"}


def which(program: str) -> str:
    """Find a program on PATH and in the system's folders; "" if there is none (shutil is not in python3-minimal)."""
    for folder in environment()["PATH"].split(":"):
        path = os.path.join(folder or ".", program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""


def say(text: str) -> None:
    """Tell the user something on stderr: stdout belongs to the task (`status --json`)."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def change(argv: tuple[str, ...], *, text: str = "", extra: dict[str, str] | None = None) -> Answer:
    """Run a command that changes the machine; its output goes to stderr as it comes.

    `text` is its stdin; `extra` joins its environment. `err` of the answer is the last lines of its output. ^C reaches
    the command as well as us: it is waited for, so that a package manager can put its things in order.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 - an argv of this project's own
            argv,
            stdin=subprocess.PIPE if text else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if text else subprocess.PIPE,
            stderr=None if text else subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**environment(), **(extra or {})},
        )
    except OSError as error:
        return Answer(127, "", f"{argv[0]}: {error.strerror}")
    tail: deque[str] = deque(maxlen=_TAIL)
    try:
        if text:
            process.communicate(text)
        for line in process.stdout or ():
            say("  " + line.rstrip())
            if line.strip():
                tail.append(line.strip()[:_WIDTH])
        return Answer(process.wait(), "", "\n".join(tail))
    except KeyboardInterrupt:
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.terminate()
        raise


def detach(argv: tuple[str, ...], log: str, *, keep_terminal: bool) -> Callable[[], int | None]:
    """Start a program that outlives this one; it appends its output to the file `log`.

    `keep_terminal`: it stays in this session, because it asks for a password first. Returns a function that returns
    its exit code, None while it runs.
    """
    with open(log, "ab") as sink:
        process = subprocess.Popen(  # noqa: S603 - an argv of this project's own
            argv,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=environment(),
            start_new_session=not keep_terminal,
        )
    return process.poll
