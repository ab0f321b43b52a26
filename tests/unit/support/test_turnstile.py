"""Tests that measure time run alone; the others run together."""

from __future__ import annotations

import fcntl
from pathlib import Path

from tests.support.turnstile import locked, turn


def is_free(path: Path, *, shared: bool = False) -> bool:
    """Whether another process could take this lock now. A second open file counts as another process."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_ordinary_tests_run_together(tmp_path: Path) -> None:
    with turn(tmp_path, alone=False), turn(tmp_path, alone=False):
        assert is_free(tmp_path / "turnstile")
        assert is_free(tmp_path / "running", shared=True)
        assert not is_free(tmp_path / "running")


def test_nothing_starts_while_a_test_runs_alone(tmp_path: Path) -> None:
    with turn(tmp_path, alone=True):
        assert not is_free(tmp_path / "turnstile")
        assert not is_free(tmp_path / "running", shared=True)


def test_a_turn_ends(tmp_path: Path) -> None:
    with turn(tmp_path, alone=True):
        pass
    with turn(tmp_path, alone=False):
        pass
    assert is_free(tmp_path / "turnstile")
    assert is_free(tmp_path / "running")


def test_a_lock_is_exclusive_or_shared(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path):
        assert not is_free(path, shared=True)
    with locked(path, shared=True):
        assert is_free(path, shared=True)
        assert not is_free(path)
