"""The only module that starts other programs."""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result, holder_of, is_free, redact, run, run_attached, stream
from tests.support.fakes import drain

SHELL = ("sh", "-c")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:secret@mirror.example/x", "https://***@mirror.example/x"),
        ("HTTP_PROXY=http://a:b@proxy:3128 next", "HTTP_PROXY=http://***@proxy:3128 next"),
        ("postgresql+psycopg://u:p@db/x and s3://k:v@h", "postgresql+psycopg://***@db/x and s3://***@h"),
        ("https://mirror.example:5000/a@b", "https://mirror.example:5000/a@b"),
        ("user@host: nothing to hide", "user@host: nothing to hide"),
    ],
)
def test_credentials_of_addresses_are_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_a_good_end() -> None:
    result = run([*SHELL, "echo out; echo err >&2"])
    assert (result.ok, result.stdout, result.stderr) == (True, "out\n", "err\n")


def test_a_bad_end_names_the_command_and_its_last_lines() -> None:
    with pytest.raises(CommandError) as caught:
        run([*SHELL, "seq 100; echo 'cannot reach https://u:p@h/' >&2; exit 3"])
    error = caught.value
    assert error.what.startswith("sh -c ")
    assert error.seen == "exit code 3"
    assert error.details[-1] == "cannot reach https://***@h/"
    assert len(error.details) == 20


def test_a_bad_end_that_is_no_surprise() -> None:
    assert run([*SHELL, "exit 3"], check=False).returncode == 3


def test_a_program_that_is_missing() -> None:
    with pytest.raises(CommandError) as caught:
        run(["no-such-program"])
    assert caught.value.what == "cannot run no-such-program"
    assert caught.value.seen == os.strerror(errno.ENOENT)


def test_the_environment_is_added_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "kept")
    assert run([*SHELL, "echo $OURS $ADDED"], env={"ADDED": "too"}).stdout == "kept too\n"


def test_variables_that_the_command_shall_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "kept")
    monkeypatch.setenv("HIDDEN", "seen")
    assert run([*SHELL, "echo $OURS $ADDED $HIDDEN"], env={"ADDED": "too"}, without=["HIDDEN"]).stdout == "kept too\n"


def test_a_grandchild_that_holds_the_pipes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["rofecare_infra.process.run"], "DRAIN", 0.1)
    began = time.monotonic()
    result = run([*SHELL, "echo mine; sleep 20 & echo $!; exit 3"], check=False)
    said, grandchild = result.stdout.split()
    os.kill(int(grandchild), signal.SIGKILL)
    assert (said, result.returncode) == ("mine", 3)
    assert time.monotonic() - began < 10


def test_all_that_was_printed_is_there_however_slow_the_reader() -> None:
    lines, _ = drain(stream([*SHELL, "seq 20000; seq 20000 >&2"]))
    assert len(lines) == 40000


def test_the_folder(tmp_path: Path) -> None:
    assert run(["pwd", "-P"], cwd=tmp_path).stdout.strip() == str(tmp_path.resolve())


def test_no_shell_interprets_the_words() -> None:
    assert run(["echo", "$HOME; *"]).stdout == "$HOME; *\n"


def test_the_child_reads_nothing_of_ours() -> None:
    assert run(["cat"]).stdout == ""


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert run([*SHELL, r"printf 'a\377b'"]).stdout == "a\N{REPLACEMENT CHARACTER}b"


def test_what_takes_too_long_is_stopped() -> None:
    with pytest.raises(CommandError) as caught:
        run([*SHELL, "echo begun; trap 'echo asked; exit 1' INT; while :; do sleep 0.05; done"], timeout=0.3)
    assert "did not end" in caught.value.what
    assert caught.value.seen == "still running after 0.3 s, stopped"
    assert "begun" in caught.value.details


def test_lines_come_as_they_are_printed_and_the_result_at_the_end() -> None:
    lines, result = drain(stream([*SHELL, "echo one; echo two; exit 4"], check=False))
    assert lines == ["one", "two"]
    assert (result.returncode, result.stdout) == (4, "one\ntwo\n")


def test_a_reader_that_loses_interest_leaves_nothing_running(tmp_path: Path) -> None:
    lines = stream([*SHELL, "echo $$; while :; do sleep 0.05; done"], cwd=tmp_path)
    child = int(next(lines))
    lines.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_on_our_own_terminal_the_exit_code_is_all_there_is(tmp_path: Path) -> None:
    assert run_attached([*SHELL, 'exit "$CODE"'], env={"CODE": "5"}, cwd=tmp_path) == 5


def test_the_tail_leaves_out_what_says_nothing() -> None:
    result = Result((), 1, "a\n\n  \nb  \n", "c\n")
    assert result.tail() == ("a", "b", "c")
    assert result.tail(1) == ("c",)


def test_a_port_that_somebody_holds() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        assert not is_free("127.0.0.1", port)
        assert holder_of(port).endswith(f"(pid {os.getpid()})")
    assert is_free("127.0.0.1", port)


def test_what_is_not_ours_to_judge_counts_as_free() -> None:
    assert is_free("203.0.113.1", 80)  # no address of this machine
