"""The processor time, as the two versions of control groups store it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.history.cpu import cpu_seconds


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("system.slice/docker-abc.scope/cpu.stat", "usage_usec 2500000\nuser_usec 1\nsystem_usec 2\n"),
        ("docker/abc/cpu.stat", "nr_periods 7\nusage_usec 2500000\n"),
        ("cpuacct/docker/abc/cpuacct.usage", "2500000000\n"),
        ("cpuacct/system.slice/docker-abc.scope/cpuacct.usage", "2500000000\n"),
    ],
)
def test_it_is_read_from_the_group_of_the_container(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(content)
    assert cpu_seconds("abc", tmp_path) == 2.5
    assert cpu_seconds("other", tmp_path) is None


@pytest.mark.parametrize("content", ["", "nothing", "usage_usec", "usage_usec x", "\xff"])
def test_what_cannot_be_read_is_unknown(tmp_path: Path, content: str) -> None:
    (tmp_path / "docker/abc").mkdir(parents=True)
    (tmp_path / "docker/abc/cpu.stat").write_text(content)
    assert cpu_seconds("abc", tmp_path) is None
