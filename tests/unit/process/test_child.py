"""No child outlives the command that started it, even one that was killed."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.process import run
from rofecare_infra.process.child import bound

SCRIPT = """
import sys
from rofecare_infra.process import stream, transfer
argv = ["sh", "-c", "echo $$; exec sleep 60"]
kept = stream(argv) if sys.argv[1] == "stream" else transfer(argv, sink=sys.stdout.buffer.write)
first = next(kept)
print(first if sys.argv[1] == "stream" else "", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="this machine has no setpriv")
@pytest.mark.parametrize("kind", ["stream", "transfer"])
def test_a_child_dies_with_a_killed_command(kind: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        watched = os.pidfd_open(child)
        try:
            parent.kill()
            assert select.select([watched], [], [], 10)[0], "the child still runs"
        finally:
            os.close(watched)


def test_a_command_sees_its_own_words() -> None:
    assert bound(("sh", "-c", "true"), os.environ)[-3:] == ("sh", "-c", "true")
    assert run(["sh", "-c", "exit 3"], check=False).argv == ("sh", "-c", "exit 3")


def test_signals_of_the_terminal_do_not_reach_a_child() -> None:
    """It is in a session of its own."""
    session = int(run(["sh", "-c", "cut -d ' ' -f 6 /proc/$$/stat"]).stdout)
    assert session != os.getsid(0)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandError, match="cannot run no-such-program"):
        run(["no-such-program"])
