"""Lines are written at once; a stream that fails ends commands that only print, and no other."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.progress import Note, OutputClosedError, Working, open_missing_streams, output_is_lost, renderer_for
from rofecare_infra.progress import sink as module
from rofecare_infra.progress.sink import Sink, is_gone, watched


@pytest.fixture(autouse=True)
def nothing_lost() -> Iterator[None]:
    module._lost.clear()
    yield
    module._lost.clear()


def pipe() -> tuple[int, TextIO]:
    reading, writing = os.pipe()
    return reading, os.fdopen(writing, "w")


def terminal() -> tuple[int, TextIO]:
    reading, writing = pty.openpty()
    return reading, os.fdopen(writing, "w")


@pytest.mark.parametrize("lasting", [True, False])
def test_a_reader_that_goes_away(*, lasting: bool) -> None:
    reading, stream = pipe()
    with stream:
        sink = Sink(stream, lasting=lasting)
        sink.line("first")
        assert os.read(reading, 100) == b"first\n"
        os.close(reading)
        if lasting:
            assert not output_is_lost()
            sink.line("second")
            assert output_is_lost()
        else:
            with pytest.raises(OutputClosedError):
                sink.line("second")
        # Further output is discarded without an error.
        sink.line("third")


@pytest.mark.parametrize("lasting", [True, False])
def test_a_terminal_that_is_gone(*, lasting: bool) -> None:
    reading, stream = terminal()
    with stream:
        sink = Sink(stream, lasting=lasting)
        sink.line("first")
        os.close(reading)
        assert is_gone(stream)
        if lasting:
            sink.line("second")
            assert output_is_lost()
        else:
            with pytest.raises(OutputClosedError):
                sink.line("second")
        sink.line("third")


@pytest.mark.parametrize("lasting", [True, False])
def test_a_full_disk(*, lasting: bool) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as stream:
        sink = Sink(stream, lasting=lasting)
        if lasting:
            sink.line("first")
            assert output_is_lost()
        else:
            with pytest.raises(CommandError, match="the output cannot be written"):
                sink.line("first")
        sink.line("second")


def test_a_closed_stream() -> None:
    _, stream = pipe()
    stream.close()
    Sink(stream, lasting=True).line("first")


def test_a_live_display_on_a_terminal_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    reading, stream = terminal()
    with stream:
        renderer = renderer_for(stream)
        renderer.show(Working("stopping"))
        os.close(reading)
        renderer.show(Note("stopped"))
        renderer.show(Working("starting"))
        renderer.say("up")
        renderer.close()
        assert output_is_lost()


def test_a_message_whose_reader_has_exited_is_discarded() -> None:
    reading, stream = pipe()
    with stream:
        os.close(reading)
        assert is_gone(stream)
        print("error: late", file=watched(stream, lasting=True), flush=True)


def test_a_message_that_is_read_is_written() -> None:
    reading, stream = pipe()
    with stream:
        assert not is_gone(stream)
        print("error: in time", file=watched(stream, lasting=True), flush=True)
        assert os.read(reading, 100) == b"error: in time\n"
    os.close(reading)
    assert is_gone(stream) is False, "it is closed, and nothing was lost"


def test_streams_that_the_caller_closed_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    open_missing_streams()
    assert sys.stdin.read() == ""
    renderer_for().say("discarded")
    sys.stderr.write("discarded")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()
