"""Data is removed after the project's name was typed, or with --yes."""

from __future__ import annotations

import errno
import sys

import pytest

from rofecare_infra.boundary import confirm
from rofecare_infra.errors import UsageError


class Terminal:
    def __init__(self, *, there: bool) -> None:
        self._there = there

    def isatty(self) -> bool:
        return self._there


def test_only_the_name_itself_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(there=True))
    confirm.by_name("rofecare", "all goes", yes=False, ask=lambda _: "rofecare ")
    for typed in ("", "yes", "y", "rofecar"):
        with pytest.raises(UsageError):
            confirm.by_name("rofecare", "all goes", yes=False, ask=lambda _, typed=typed: typed)  # type: ignore[misc]


@pytest.mark.parametrize("error", [EOFError(), OSError(errno.EIO, "Input/output error")])
def test_a_terminal_that_is_gone_confirms_nothing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def ask(_question: str) -> str:
        raise error

    monkeypatch.setattr(sys, "stdin", Terminal(there=True))
    with pytest.raises(UsageError, match="not confirmed"):
        confirm.by_name("rofecare", "all goes", yes=False, ask=ask)


def test_without_a_terminal_only_the_flag_confirms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(there=False))
    confirm.by_name("rofecare", "all goes", yes=True)
    with pytest.raises(UsageError, match="no confirmation"):
        confirm.by_name("rofecare", "all goes", yes=False)


def test_the_question_is_not_part_of_the_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(there=True))
    monkeypatch.setattr("builtins.input", lambda: "rofecare")
    confirm.by_name("rofecare", "all goes", yes=False)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "all goes. Type the name of the project to continue (rofecare): "
