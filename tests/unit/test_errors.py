"""Each class of error has one exit code and one section of docs/exit-codes.md."""

from __future__ import annotations

import pytest

from rofecare_infra import errors

TREE = {
    errors.UsageError: (2, "usage"),
    errors.SettingsError: (3, "settings"),
    errors.EngineError: (4, "engine"),
    errors.CommandError: (5, "command"),
    errors.GateTimeoutError: (6, "timeout"),
    errors.ServiceFailedError: (7, "service"),
    errors.VerificationError: (8, "verification"),
}


def test_the_tree_is_whole() -> None:
    assert set(errors.RofecareError.__subclasses__()) == set(TREE)


@pytest.mark.parametrize(("error", "promise"), [*TREE.items()], ids=lambda value: getattr(value, "__name__", ""))
def test_codes_and_slugs(error: type[errors.RofecareError], promise: tuple[int, str]) -> None:
    assert (error.exit_code, error.slug) == promise


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = [line.split() for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert {(words[1], int(words[2])) for words in drawn} == {(one.__name__, code) for one, (code, _) in TREE.items()}


def test_the_four_parts() -> None:
    error = errors.CommandError("a failed", seen="b", expected="c", next_step="d", details=["e", "f"])
    assert str(error) == "a failed"
    assert (error.seen, error.expected, error.next_step, error.details) == ("b", "c", "d", ("e", "f"))
