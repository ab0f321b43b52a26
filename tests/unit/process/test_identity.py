"""Whether a process still runs: what this machine knows, and what it cannot know."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace

import pytest

from rofecare_infra.process import Fate, Identity, fate_of, this_process
from rofecare_infra.process.identity import start_time

HERE = Identity("ward", "machine", "boot", "pid:[1]", 100, "5000", "root")


@pytest.mark.parametrize(
    ("other", "fate"),
    [
        ({}, Fate.RUNNING),
        ({"user": "operator"}, Fate.RUNNING),
        # Its id is that of a later process, or of none.
        ({"started": "4000"}, Fate.ENDED),
        ({"pid": 101}, Fate.ENDED),
        # No time to compare.
        ({"started": ""}, Fate.RUNNING),
        ({"pid": 102}, Fate.RUNNING),
        # Before a restart of this machine.
        ({"boot": "before"}, Fate.ENDED),
        ({"boot": "before", "namespace": "pid:[2]"}, Fate.ENDED),
        # Other machines: one of them a copy with the same id.
        ({"boot": "other", "machine": "other", "host": "other"}, Fate.UNKNOWN),
        ({"boot": "other", "machine": "other"}, Fate.UNKNOWN),
        ({"boot": "other", "host": "copy"}, Fate.UNKNOWN),
        ({"boot": "other", "machine": ""}, Fate.UNKNOWN),
        # A container on this machine.
        ({"namespace": "pid:[2]"}, Fate.UNKNOWN),
        ({"namespace": ""}, Fate.UNKNOWN),
        # A system without these files.
        ({"boot": "", "machine": ""}, Fate.UNKNOWN),
        ({"pid": 0}, Fate.UNKNOWN),
    ],
)
def test_the_fate_of_a_process(other: dict[str, str], fate: Fate) -> None:
    known = {100: "5000", 102: ""}
    assert fate_of(replace(HERE, **other), HERE, known.get) is fate  # type: ignore[arg-type]


def test_a_machine_without_a_boot_id_knows_nothing() -> None:
    here = replace(HERE, boot="", machine="", namespace="")
    assert fate_of(here, here, {100: "5000"}.get) is Fate.UNKNOWN
    assert fate_of(HERE, here, {100: "5000"}.get) is Fate.UNKNOWN


def test_this_process_runs() -> None:
    here = this_process()
    assert here.pid == os.getpid()
    assert all((here.host, here.boot, here.namespace, here.started, here.user))
    assert fate_of(here, here) is Fate.RUNNING


def test_a_process_that_was_killed_has_ended_also_before_its_parent_looks() -> None:
    with subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as child:
        other = replace(this_process(), pid=child.pid, started=start_time(child.pid) or "")
        assert fate_of(other, this_process()) is Fate.RUNNING
        child.kill()
        assert child.stdout is not None
        child.stdout.read()  # until its end
        # Its output is closed a moment before it counts as ended.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert fate_of(other, this_process()) is Fate.ENDED
    assert fate_of(other, this_process()) is Fate.ENDED


def test_a_process_of_another_user_exists() -> None:
    assert start_time(1)
