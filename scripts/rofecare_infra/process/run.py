"""Runs one command: an argv list, never a shell string; the only importer of `subprocess`."""

from __future__ import annotations

import os
import queue
import re
import shlex
import subprocess
import threading
import time
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from rofecare_infra.errors import CommandError
from rofecare_infra.process.child import GRACE, awaited, bound, missing, stop

T = TypeVar("T")

# How many lines of a failed command an error shows.
TAIL = 20
# How long the output of a command is read after its end, in seconds: its children may keep its pipes open for hours.
DRAIN = 1.0

_CREDENTIALS = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/@\s:]+:[^/@\s]+@", re.IGNORECASE)


@dataclass(frozen=True)
class Result:
    """How a command ended, and what it printed."""

    argv: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Whether the command ended with exit code 0."""
        return self.returncode == 0

    @property
    def last(self) -> str:
        """The last line of the output that is not empty; the exit code of a program without output."""
        return (self.tail(1) or (f"exit code {self.returncode}",))[0]

    def tail(self, lines: int = TAIL) -> tuple[str, ...]:
        """The last lines of both streams that are not empty."""
        text = f"{self.stdout}\n{self.stderr}"
        return tuple(line.rstrip() for line in text.splitlines() if line.strip())[-lines:]


def redact(text: str) -> str:
    """Hide the user and password of an address: `https://user:secret@host` -> `https://***@host`."""
    return _CREDENTIALS.sub(r"\g<scheme>***@", text)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float | None = None,
    check: bool = True,
) -> Result:
    """Run `argv` to its end and return how it ended, with all that it printed.

    `env` is added to this process's environment, the variables of `without` are left out of it; `stdin` (small) is
    what the command reads. Output of its children after its own end is not waited for. ^C and `timeout`
    (seconds) ask the command to stop, and kill it when it does not. Raises CommandError when the program is missing,
    runs out of time or (with `check`) ends with another code than 0.
    """
    return to_end(stream(argv, env=env, without=without, cwd=cwd, stdin=stdin, timeout=timeout, check=check))


def to_end(steps: Generator[object, None, T]) -> T:
    """Run a generator of events to its end, ignoring the events; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result


def stream(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    without: Collection[str] = (),
    cwd: Path | None = None,
    stdin: str = "",
    timeout: float | None = None,
    check: bool = True,
) -> Generator[str, None, Result]:
    """Like `run`, but yield each line of both streams as it comes; the result is what the generator returns."""
    words = tuple(str(word) for word in argv)
    child = _start(words, _environment(env, without), cwd)
    # The input is small: it fits the buffer of the pipe, so writing does not block.
    with suppress(BrokenPipeError), child.stdin or nullcontext() as feed:
        if feed is not None:
            feed.write(stdin)
    arrived: queue.SimpleQueue[tuple[int, str | None]] = queue.SimpleQueue()
    kept: tuple[list[str], list[str]] = ([], [])
    threading.Thread(target=_watch, args=(child, arrived), daemon=True).start()
    end = None if timeout is None else time.monotonic() + timeout
    try:
        with awaited(child):
            while True:
                number, line = arrived.get(timeout=None if end is None else max(0.01, end - time.monotonic()))
                if line is None:
                    break
                kept[number].append(line)
                yield line.rstrip("\n")
    except queue.Empty:
        stop(child)
        result = Result(words, child.returncode, "".join(kept[0]), "".join(kept[1]))
        raise CommandError(
            f"{_shown(words)} did not end",
            seen=f"still running after {timeout:g} s, stopped",
            expected=f"to finish within {timeout:g} s",
            next_step=f"run it by hand to see where it hangs: {_shown(words)}",
            details=[redact(line) for line in result.tail()],
        ) from None
    except BaseException:
        # ^C, or the caller stopped reading: the child must not continue.
        stop(child)
        raise
    result = Result(words, child.returncode, "".join(kept[0]), "".join(kept[1]))
    if check and not result.ok:
        raise CommandError(
            f"{_shown(words)} failed",
            seen=f"exit code {result.returncode}",
            expected="exit code 0",
            next_step=f"run it by hand: {_shown(words)}",
            details=[redact(line) for line in result.tail()],
        )
    return result


def run_attached(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run `argv` on our own terminal and return its exit code; ^C goes to both of us."""
    with subprocess.Popen(  # noqa: S603 - an argv list, no shell
        tuple(argv), env=_environment(env), cwd=cwd
    ) as child:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # The child received the same ^C; its last output is still of interest.
            child.wait(GRACE)
            raise


def _environment(added: Mapping[str, str] | None, without: Collection[str] = ()) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if name not in without}, **(added or {})}


def _start(words: tuple[str, ...], env: Mapping[str, str], cwd: Path | None) -> subprocess.Popen[str]:
    try:
        return subprocess.Popen(  # noqa: S603 - an argv list, no shell
            bound(words, env),
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # ^C and a terminal that is gone must not reach the child directly: this process decides how it stops.
            start_new_session=True,
        )
    except OSError as error:
        raise missing(words, error) from error


def _watch(child: subprocess.Popen[str], arrived: queue.SimpleQueue[tuple[int, str | None]]) -> None:
    """Put every line into the queue, and None after the last one of a child that has ended."""
    readers = [
        threading.Thread(target=_read, args=(pipe, number, arrived), daemon=True)
        for number, pipe in enumerate((child.stdout, child.stderr))
    ]
    for reader in readers:
        reader.start()
    child.wait()
    end = time.monotonic() + DRAIN
    for reader in readers:
        reader.join(max(0.0, end - time.monotonic()))
    arrived.put((0, None))


def _read(pipe: IO[str] | None, number: int, arrived: queue.SimpleQueue[tuple[int, str | None]]) -> None:
    if pipe is not None:
        with pipe:
            for line in pipe:
                arrived.put((number, line))


def _shown(argv: Sequence[str]) -> str:
    """The command as typed, shortened to the words that identify it."""
    words = [word for word in argv if not word.startswith(("/", "--project-directory"))] or list(argv)
    return redact(shlex.join([word for word in words if word != "-f"]))
