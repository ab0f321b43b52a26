"""Commands whose streams carry data or a dialogue instead of lines: bytes in, bytes out, and answers."""

from __future__ import annotations

import os
import subprocess
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import IO, Self

from rofecare_infra.errors import CommandError
from rofecare_infra.process.child import awaited, bound, missing, stop
from rofecare_infra.process.run import TAIL, Result, redact

_CHUNK = 1 << 18
# How long a command may take to end after its reader has failed, in seconds.
_END = 1.0


def transfer(
    argv: Sequence[str], *, source: IO[bytes] | None = None, sink: Callable[[bytes], object] | None = None
) -> Generator[int, None, Result]:
    """Run `argv`, which reads `source` (a real file) and whose output goes to `sink` in pieces, however much it is.

    Yields how many bytes came so far, after each piece. Without a source, standard input stays open until the command
    has ended: a command may end itself when it closes, which it does when this process dies. An error of the sink (a
    full disk) stops the command and is raised as it is. The result has the error output; CommandError is raised only
    for a program that is missing: the caller interprets the exit code.
    """
    words = tuple(str(word) for word in argv)
    child = _start(words, source if source is not None else subprocess.PIPE)
    errors = _Tail(child.stderr)
    count = 0
    try:
        assert child.stdout is not None  # noqa: S101 - it was asked for as a pipe
        with awaited(child), child.stdout as out:
            # Pieces are passed on as they arrive, so that the progress is accurate.
            while piece := out.read1(_CHUNK):  # type: ignore[attr-defined]
                if sink is not None:
                    sink(piece)
                count += len(piece)
                yield count
            child.wait()
    except BaseException:
        # Close its input first: only that ends what the command runs in a container.
        _close(child)
        stop(child)
        raise
    finally:
        _close(child)
    return Result(words, child.returncode, "", errors.text())


@contextmanager
def reading(argv: Sequence[str]) -> Iterator[IO[bytes]]:
    """The output of `argv` as a file that is read while it is written. What is not read is skipped at the end.

    An error of the reader stops the command and is raised as it is. Raises CommandError where the command fails: also
    instead of the reader's error if it failed first.
    """
    words = tuple(str(word) for word in argv)
    child = _start(words, subprocess.DEVNULL)
    errors = _Tail(child.stderr)
    assert child.stdout is not None  # noqa: S101 - it was asked for as a pipe
    try:
        with awaited(child):
            try:
                yield child.stdout
                while child.stdout.read(_CHUNK):
                    pass
                child.wait()
            except Exception:
                # Half of an output is no fault of its reader. The pipe ends shortly before the command does.
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_END)
                if not child.returncode:
                    raise
    except BaseException:
        _close(child)
        stop(child)
        raise
    finally:
        _close(child)
    if child.returncode != 0:
        raise CommandError(
            f"{words[0]} {words[1]} failed" if len(words) > 1 else f"{words[0]} failed",
            seen=f"exit code {child.returncode}",
            expected="exit code 0",
            next_step="correct the cause below, then run the same command again",
            details=errors.lines(),
        )


@contextmanager
def piped(write: Callable[[IO[bytes]], object]) -> Iterator[IO[bytes]]:
    """A pipe that `write` fills in a thread: a source for `transfer`. Raises its error at the end.

    A reader that ends early ends the thread, too, and says why itself.
    """
    end, begin = os.pipe()
    errors: list[Exception] = []
    thread = threading.Thread(target=_fill, args=(write, begin, errors), daemon=True)
    try:
        with os.fdopen(end, "rb") as pipe:
            thread.start()
            yield pipe
    finally:
        thread.join()
    if errors:
        raise errors[0]


def _fill(write: Callable[[IO[bytes]], object], begin: int, errors: list[Exception]) -> None:
    try:
        with os.fdopen(begin, "wb") as out:
            write(out)
    except BrokenPipeError:
        pass
    except Exception as error:  # noqa: BLE001 - raised by the other thread
        errors.append(error)


class Conversation:
    """An interactive command such as `psql`: send a question, read the lines of the answer."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._words = tuple(str(word) for word in argv)
        self._child = _start(self._words, subprocess.PIPE)
        self._errors = _Tail(self._child.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _close(self._child)
        try:
            self._child.wait(1.0)
        except subprocess.TimeoutExpired:
            stop(self._child)

    def ask(self, question: str, mark: Callable[[str], str]) -> list[str]:
        """Send a question and read the answer's lines.

        `mark` returns the command that prints a word, which marks the end of the answer. Raises CommandError when
        the command ends instead of answering.
        """
        word = uuid.uuid4().hex
        assert self._child.stdin is not None  # noqa: S101
        assert self._child.stdout is not None  # noqa: S101
        with suppress(BrokenPipeError):
            self._child.stdin.write(f"{question}\n{mark(word)}\n".encode(errors="surrogateescape"))
            self._child.stdin.flush()
        lines: list[str] = []
        with awaited(self._child):
            for raw in self._child.stdout:
                line = raw.decode(errors="surrogateescape").rstrip("\n")
                if line == word:
                    return lines
                lines.append(line)
            self._child.wait()
        raise CommandError(
            f"{self._words[0]} ended before its answer was complete",
            seen=f"exit code {self._child.returncode}",
            expected="an answer",
            next_step="correct the cause below, then run the same command again",
            details=self._errors.lines(),
        )


class _Tail:
    """Reads a stream to its end in a thread and keeps the last lines."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        self._kept: list[str] = []
        self._thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self._thread.start()

    def lines(self) -> list[str]:
        """The last lines that are not empty."""
        self._thread.join(1.0)
        return [redact(line) for line in self._kept if line.strip()]

    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines())

    def _read(self, pipe: IO[bytes] | None) -> None:
        if pipe is not None:
            with pipe:
                for line in pipe:
                    self._kept = [*self._kept[-TAIL + 1 :], line.decode(errors="replace").rstrip()]


def _start(words: tuple[str, ...], stdin: IO[bytes] | int) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - an argv list, no shell
            bound(words, os.environ),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # ^C and a terminal that is gone must not reach the child directly: this process decides how it stops.
            start_new_session=True,
        )
    except OSError as error:
        raise missing(words, error) from error


def _close(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
