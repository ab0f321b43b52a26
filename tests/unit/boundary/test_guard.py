"""Whatever a task raises becomes one message and one exit code."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from invoke.exceptions import Exit

from rofecare_infra import errors
from rofecare_infra.boundary.guard import describe, guarded
from rofecare_infra.progress import OutputClosedError


def left_by(root: Path, error: BaseException, left_behind: Callable[[], str] | None = None) -> Exit:
    with pytest.raises(Exit) as caught, guarded(root, left_behind):
        raise error
    return caught.value


def message(left: Exit) -> str:
    assert left.message is not None
    return left.message


def test_a_good_end_is_no_error(tmp_path: Path) -> None:
    with guarded(tmp_path):
        pass


@pytest.mark.parametrize("kind", errors.RofecareError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_each_error_ends_with_its_code(tmp_path: Path, kind: type[errors.RofecareError]) -> None:
    left = left_by(tmp_path, kind("it failed"))
    assert left.code == kind.exit_code
    assert left.message == f"error: it failed\n  (exit code {kind.exit_code}; docs/exit-codes.md#{kind.slug})"


def test_an_error_is_told_in_four_parts_and_its_evidence() -> None:
    error = errors.GateTimeoutError(
        "kafka is not ready",
        seen="after 300 s: starting",
        expected="ready within 300 s",
        next_step="inv logs kafka",
        details=["| line 1", "| line 2"],
    )
    assert describe(error).splitlines() == [
        "error: kafka is not ready",
        "  seen:     after 300 s: starting",
        "  expected: ready within 300 s",
        "  next:     inv logs kafka",
        "  | line 1",
        "  | line 2",
        "  (exit code 6; docs/exit-codes.md#timeout)",
    ]


def test_an_exit_stays_what_it_is(tmp_path: Path) -> None:
    assert left_by(tmp_path, Exit(code=5)).code == 5


def test_interrupted(tmp_path: Path) -> None:
    left = left_by(tmp_path, KeyboardInterrupt(), lambda: "3 containers are left running")
    assert (left.code, left.message) == (130, "interrupted: 3 containers are left running")
    left = left_by(tmp_path, KeyboardInterrupt())
    assert (left.code, left.message) == (130, "interrupted")


@pytest.mark.parametrize(
    "second",
    [errors.EngineError("gone"), KeyboardInterrupt(), AttributeError("half of a module")],
    ids=["engine gone", "^C again", "^C in an import"],
)
def test_interrupted_where_nobody_can_say_what_is_left(tmp_path: Path, second: BaseException) -> None:
    def left_behind() -> str:
        raise second

    left = left_by(tmp_path, KeyboardInterrupt(), left_behind)
    assert left.code == 130
    assert "inv status" in message(left)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_each_of_the_signals_is_an_interruption(tmp_path: Path, sign: signal.Signals) -> None:
    """^C; a service manager; a line that dropped."""
    before = signal.getsignal(sign)
    with pytest.raises(Exit) as caught, guarded(tmp_path):
        signal.raise_signal(sign)
    assert caught.value.code == 130
    assert signal.getsignal(sign) is before


def test_a_second_signal_does_not_leave_a_rollback_halfway(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    done = []

    def change() -> None:
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            signal.raise_signal(signal.SIGTERM)
            done.append("rolled back")

    with pytest.raises(Exit) as caught, guarded(tmp_path):
        change()
    assert caught.value.code == 130
    assert done == ["rolled back"]
    assert capfd.readouterr().err == "\ninterrupted: completing the current step first\n"


def test_asking_what_is_left_can_be_interrupted_again(tmp_path: Path) -> None:
    def left_behind() -> str:
        signal.raise_signal(signal.SIGINT)
        return "the engine answered at last"

    with pytest.raises(Exit) as caught, guarded(tmp_path, left_behind):
        signal.raise_signal(signal.SIGINT)
    assert caught.value.code == 130
    assert "inv status" in message(caught.value)


def test_a_bug_has_a_report_and_shows_no_traceback(tmp_path: Path) -> None:
    left = left_by(tmp_path, ZeroDivisionError("division by zero"))
    assert left.code == 1
    assert "this is a bug in this project" in message(left)
    assert "ZeroDivisionError: division by zero" in message(left)
    assert "Traceback" not in message(left)
    (report,) = (tmp_path / ".rofecare").glob("bug-*.txt")
    assert str(report) in message(left)
    assert "Traceback" in report.read_text()


def test_a_report_holds_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODYS_TOKEN", "do-not-tell-anyone")
    left_by(tmp_path, RuntimeError("x"))
    (report,) = (tmp_path / ".rofecare").glob("bug-*.txt")
    assert "do-not-tell-anyone" not in report.read_text()


def test_a_bug_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / ".rofecare").write_text("in the way")
    left = left_by(tmp_path, RuntimeError("x"))
    assert left.code == 1
    assert "nowhere" in message(left)


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path: Path) -> None:
    assert left_by(tmp_path, OutputClosedError()).code == 0


def test_another_broken_pipe_is_an_error(tmp_path: Path) -> None:
    """Of a program or a socket: the command has not done what it says."""
    assert left_by(tmp_path, BrokenPipeError()).code == 1


def failed(root: Path, error: BaseException, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The last object that a command with --json prints, and nothing else on standard output."""
    with pytest.raises(Exit) as caught, guarded(root, lambda: "3 containers are left running", as_json=True):
        raise error
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (found.pop("schema"), found.pop("event")) == (1, "Failed")
    assert found.pop("exit_code") == caught.value.code
    return found


def test_for_programs_an_error_is_an_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = errors.EngineError("no engine", seen="nothing", expected="one", next_step="docker info", details=["a", "b"])
    assert failed(tmp_path, error, capsys) == {
        "what": "no engine",
        "seen": "nothing",
        "expected": "one",
        "next_step": "docker info",
        "details": ["a", "b"],
    }


def test_for_programs_an_interruption_is_an_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert failed(tmp_path, KeyboardInterrupt(), capsys) == {
        "what": "interrupted",
        "seen": "3 containers are left running",
        "expected": "",
        "next_step": "inv status",
        "details": [],
    }


def test_for_programs_a_bug_is_an_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = failed(tmp_path, ZeroDivisionError("division by zero"), capsys)
    assert found["what"] == "this is a bug in this project, not in what you did"
    assert found["seen"] == "ZeroDivisionError: division by zero"
    assert str(tmp_path / ".rofecare" / "bug-") in found["next_step"]


def test_for_programs_another_signal_does_not_prevent_the_object(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_values: object, **_options: object) -> str:
        signal.raise_signal(signal.SIGINT)
        return "{}"

    monkeypatch.setattr("rofecare_infra.progress.json_lines.json.dumps", interrupted)
    with pytest.raises(Exit) as caught, guarded(tmp_path, lambda: "nothing", as_json=True):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 130
    assert capsys.readouterr().out == "{}\n"


@pytest.mark.parametrize("end", [Exit(code=7), OutputClosedError()], ids=["a verdict", "a reader that is gone"])
def test_for_programs_another_end_is_no_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], end: Exception
) -> None:
    with pytest.raises(Exit), guarded(tmp_path, as_json=True):
        raise end
    assert capsys.readouterr().out == ""
