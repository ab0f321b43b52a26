"""The command line, the errors' way out, the lock, and what a killed engine left."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrapping import engine, main
from bootstrapping.errors import BUG, COMMAND, INTERRUPTED, USAGE, Refusal
from bootstrapping.main import Request, parse, run
from bootstrapping.needs import TASKS_WITHOUT_ENGINE
from bootstrapping.repair import lock

SCRIPT = Path(__file__).resolve().parents[3] / "scripts/bootstrap.py"


def test_what_follows_the_task_is_the_tasks_own() -> None:
    assert parse(["--no-install", "logs", "kafka", "--help"]) == Request("logs", ("kafka", "--help"), may_install=False)
    assert parse(["start-all"]) == Request("start-all", (), may_install=True)
    assert parse(["--help", "start-all"]) is None


def test_the_list_of_tasks_comes_from_invoke_and_needs_no_engine() -> None:
    assert parse(["--list"]) == Request("--list", (), may_install=True)
    assert "--list" in TASKS_WITHOUT_ENGINE


@pytest.mark.parametrize("argv", [[], ["--no-install"], ["-v", "start-all"]])
def test_a_command_line_that_makes_no_sense(argv: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        parse(argv)
    assert refused.value.code == USAGE


def test_help_needs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"], str(tmp_path)) == 0
    assert "--no-install" in capsys.readouterr().out


def test_an_older_python_reads_the_entry_and_is_told() -> None:
    # The rest is read by a new enough one only.
    ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (Refusal("x", seen="s", expected="e", then="t", code=4), 4, "  seen:      s"),
        (KeyboardInterrupt(), INTERRUPTED, "goes on from here"),
        (PermissionError(13, "Permission denied", "/c/.venv"), COMMAND, "/c/.venv: Permission denied"),
        (OSError(28, "No space left on device"), COMMAND, "No space left on device"),
        (RuntimeError("boom"), BUG, "please report it with the file"),
    ],
)
def test_no_traceback_reaches_a_user(
    error: BaseException,
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(main, "run", fail)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert main.guarded(["start-all"]) == code
    said = capsys.readouterr().err
    assert text in said
    assert "Traceback" not in said


def test_one_at_a_time(tmp_path: Path) -> None:
    with lock(str(tmp_path)):
        with pytest.raises(Refusal) as refused, lock(str(tmp_path), patience=0.0):
            pass
        assert refused.value.code == COMMAND
    with lock(str(tmp_path), patience=0.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {name: tmp_path / name for name in ("docker.pid", "containerd.pid", "gone.pid")}
    files["docker.pid"].write_text(str(os.getpid()))  # reused: this process is no dockerd
    files["containerd.pid"].write_text("")
    files["gone.pid"].write_text("4194305")  # above the highest process id there can be
    monkeypatch.setattr(engine, "_PID_FILES", tuple((str(path), "dockerd") for path in files.values()))
    monkeypatch.setattr(engine, "_CONTAINERD_SOCKET", str(tmp_path / "none.sock"))
    assert engine.leftovers() == [str(files["docker.pid"])]


def test_a_process_that_nobody_reaped_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        (tmp_path / "docker.pid").write_text(f"{child.pid}\n")
        monkeypatch.setattr(engine, "_PID_FILES", ((str(tmp_path / "docker.pid"), "dockerd"),))
        monkeypatch.setattr(engine, "_CONTAINERD_SOCKET", str(tmp_path / "none.sock"))
        assert engine.leftovers() == [str(tmp_path / "docker.pid")]
    finally:
        child.wait()


@pytest.mark.parametrize(
    ("answer", "left"), [(None, False), (ConnectionRefusedError(), True), (PermissionError(), False)]
)
def test_a_socket_that_nobody_listens_on_is_in_the_way(
    *, answer: OSError | None, left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "containerd.sock"
    path.touch()
    monkeypatch.setattr(engine, "_PID_FILES", ())
    monkeypatch.setattr(engine, "_CONTAINERD_SOCKET", str(path))
    monkeypatch.setattr(engine, "_connect", lambda _: answer)
    assert engine.leftovers() == ([str(path)] if left else [])
