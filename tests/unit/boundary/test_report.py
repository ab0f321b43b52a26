"""How a change ended is found by the next command, where its user may not have seen it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke.exceptions import Exit

from rofecare_infra.boundary.guard import guarded
from rofecare_infra.boundary.report import Report, Reporter, last_of, path_of
from rofecare_infra.errors import CommandError
from rofecare_infra.progress import sink
from rofecare_infra.project import announce
from rofecare_infra.settings import Assignment, Settings


@pytest.fixture(autouse=True)
def nothing_lost() -> Iterator[None]:
    sink._lost.clear()
    yield
    sink._lost.clear()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path, {"COMPOSE_PROJECT_NAME": Assignment("hospital", "a test")})


def run(
    settings: Settings, error: BaseException | None = None, *, sign: int = 0, lost: bool = False, changes: bool = True
) -> int:
    """A command on the project; its exit code."""
    reporter = Reporter("inv upgrade --to=v2")
    try:
        with reporter.watching(), guarded(settings.root, None, reporter.ended):
            announce(settings)
            if lost:
                sink._lost.set()
            if changes:
                with reporter.changing():
                    if sign:
                        signal.raise_signal(sign)
                    if error is not None:
                        raise error
    except Exit as left:
        return int(left.code)
    return 0


def shown(settings: Settings, capsys: pytest.CaptureFixture[str], *, again: bool = False) -> str:
    """What a command that only reads shows."""
    capsys.readouterr()
    reporter = Reporter("inv logs", again=again)
    with reporter.watching():
        announce(settings)
        announce(settings)
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_an_interrupted_change_is_shown_once_by_the_next_command(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(settings, sign=signal.SIGHUP) == 130
    first, second = shown(settings, capsys).splitlines()
    assert first.startswith("note: inv upgrade --to=v2 (user ")
    assert f"pid {os.getpid()}" in first
    assert first.endswith("was interrupted by SIGHUP")
    assert second == "  it ended with exit code 130: nothing is left unfinished; interrupted"
    assert shown(settings, capsys) == ""
    assert shown(settings, capsys, again=True) == f"{first}\n{second}\n"


def test_a_change_whose_output_was_lost_is_shown(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(settings, lost=True) == 0
    first, second = shown(settings, capsys).splitlines()
    assert first.endswith("could not write its output")
    assert second == "  it ended with exit code 0: completed"


@pytest.mark.parametrize("error", [None, CommandError("it failed")], ids=str)
def test_a_change_whose_end_was_seen_is_not_shown(
    settings: Settings, capsys: pytest.CaptureFixture[str], error: CommandError | None
) -> None:
    code = run(settings, error)
    assert shown(settings, capsys) == ""
    found = last_of(settings)
    assert found is not None
    assert (found.exit_code, found.signal, found.output_lost) == (code, "", False)
    assert found.message.splitlines()[:1] == (["it failed"] if error else [])


def test_what_is_left_unfinished_is_reported(settings: Settings) -> None:
    settings.state_folder.mkdir()
    (settings.state_folder / "upgrade-hospital.json").write_text("{}")
    run(settings, sign=signal.SIGTERM)
    found = last_of(settings)
    assert found is not None
    assert found.outcome == "the upgrade is unfinished: the next command that changes the platform recovers it first"


def test_the_file_is_a_documented_record(settings: Settings) -> None:
    run(settings, sign=signal.SIGHUP)
    path = settings.state_folder / "last-command-hospital.json"
    assert path == path_of(settings)
    assert set(json.loads(path.read_text())) == {
        *("command", "user", "pid", "started", "ended", "exit_code", "outcome", "message", "signal"),
        *("output_lost", "shown"),
    }
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_refused_or_reading_command_keeps_the_report(settings: Settings) -> None:
    run(settings, sign=signal.SIGHUP)
    before = path_of(settings).read_text()
    run(settings, changes=False)
    assert json.loads(path_of(settings).read_text()) == {**json.loads(before), "shown": True}


def test_a_command_that_opens_no_project_writes_nothing(settings: Settings) -> None:
    reporter = Reporter("inv upgrade")
    with reporter.watching(), guarded(settings.root, None, reporter.ended), reporter.changing():
        pass
    assert not settings.state_folder.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"command": "inv"}'])
def test_a_damaged_report_is_no_report(settings: Settings, text: str) -> None:
    settings.state_folder.mkdir()
    path_of(settings).write_text(text)
    assert last_of(settings) is None
    assert run(settings) == 0


def test_a_folder_that_cannot_be_written_to_changes_no_exit_code(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise PermissionError

    monkeypatch.setattr("rofecare_infra.state.replace", refuse)
    assert run(settings, sign=signal.SIGHUP) == 130
    assert last_of(settings) is None


def test_the_text_of_a_long_message_is_its_first_line() -> None:
    report = Report(
        "inv rotate", "me", 7, "2026-01-31T08:00:00", "2026-01-31T08:01:00", 7, "completed", "a\nb", "SIGHUP"
    )
    assert report.text == (
        "note: inv rotate (user me, pid 7, 2026-01-31T08:00:00 to 2026-01-31T08:01:00 UTC) was interrupted by SIGHUP\n"
        "  it ended with exit code 7: completed; a"
    )
