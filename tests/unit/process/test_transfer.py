"""The output of a command as a file, and a function that writes its input."""

from __future__ import annotations

import sys
import time
from typing import IO

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.process import piped, reading, to_end, transfer


def test_an_output_is_read_while_it_is_written() -> None:
    with reading(["sh", "-c", "echo one; echo two"]) as file:
        assert file.read(4) == b"one\n"


def test_what_is_not_read_does_not_fail_the_command() -> None:
    with reading(["sh", "-c", "head -c 3000000 /dev/zero && echo end"]) as file:
        assert file.read(1) == b"\0"


def test_a_command_that_fails() -> None:
    with pytest.raises(CommandError, match="sh -c failed") as caught, reading(["sh", "-c", "echo why >&2; exit 3"]):
        pass
    assert caught.value.seen == "exit code 3"
    assert caught.value.details == ("why",)


def spoiled(script: str) -> None:
    """A reader that fails after the first line."""
    with reading(["sh", "-c", script]) as file:
        file.readline()
        raise ValueError("of the reader")


def test_the_failure_of_the_command_explains_that_of_its_reader() -> None:
    with pytest.raises(CommandError, match="sh -c failed"):
        spoiled("echo half; exit 3")


@pytest.mark.parametrize("script", ["echo one; exec sleep 60", "echo one; exec cat /dev/zero", "echo one"])
def test_an_error_of_the_reader_stops_the_command(script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[reading.__module__], "_END", 0.05)
    began = time.monotonic()
    with pytest.raises(ValueError, match="of the reader"):
        spoiled(script)
    assert time.monotonic() - began < 30


def test_a_command_reads_what_a_function_writes() -> None:
    got: list[bytes] = []
    with piped(lambda out: [out.write(b"x" * 1000) for _ in range(300)]) as source:
        result = to_end(transfer(["wc", "-c"], source=source, sink=got.append))
    assert result.ok
    assert b"".join(got).strip() == b"300000"


def test_a_command_that_ends_early_ends_the_function_that_writes() -> None:
    with piped(lambda out: [out.write(b"x" * 100_000) for _ in range(100)]) as source:
        assert to_end(transfer(["head", "-c", "1"], source=source)).ok


def test_an_error_of_the_function_is_raised_unless_the_reader_has_one() -> None:
    def write(out: IO[bytes]) -> None:
        out.write(b"half")
        raise ValueError("the other half")

    with pytest.raises(ValueError, match="the other half"), piped(write) as source:
        source.read()
    with pytest.raises(KeyError), piped(write):
        raise KeyError
