"""Only what starts or resumes services is offered, and only to somebody at a terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rofecare_infra.boundary.offer import accepted

ROOT = Path("/srv/checkout")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)


def answered(next_step: str, answer: str) -> tuple[int | None, list[list[str]]]:
    ran: list[list[str]] = []

    def run(argv: list[str]) -> int:
        ran.append(argv)
        return 7

    return accepted(next_step, ROOT, ask=lambda _question: answer, run=run), ran


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    ("next_step", "argv"),
    [
        ("inv start-all", [sys.executable, "-m", "invoke", "--search-root", "/srv/checkout", "start-all"]),
        (
            "inv start-infra; then the rest",
            [sys.executable, "-m", "invoke", "--search-root", "/srv/checkout", "start-infra"],
        ),
        ("docker unpause p-db-1, then run the same command again", ["docker", "unpause", "p-db-1"]),
    ],
)
def test_what_is_safe_is_run_after_a_yes(next_step: str, argv: list[str]) -> None:
    assert answered(next_step, "y") == (7, [argv])
    assert answered(next_step, " YES ") == (7, [argv])
    assert answered(next_step, "") == (None, [])
    assert answered(next_step, "n") == (None, [])


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    "next_step",
    [
        "inv stop-all --volumes",
        "inv start-all-of-it",
        "docker volume rm x",
        "inv logs kafka",
        "",
        "first inv start-all",
    ],
)
def test_nothing_else_is_offered(next_step: str) -> None:
    assert answered(next_step, "y") == (None, [])


def test_without_a_terminal_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert answered("inv start-all", "y") == (None, [])


@pytest.mark.usefixtures("terminal")
def test_a_terminal_that_is_closed_accepts_nothing() -> None:
    def closed(_question: str) -> str:
        raise EOFError

    assert accepted("inv start-all", ROOT, ask=closed) is None
