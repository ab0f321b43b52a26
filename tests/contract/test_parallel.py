"""The runs of the suite: files over several workers, tests that run alone, files in random order."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from tests.support.order import FileScheduling

ORDINARY = """
import os, time, pathlib, pytest

def run(name, seconds):
    began = time.monotonic()
    time.sleep(seconds)
    line = f"{name} {os.environ.get('PYTEST_XDIST_WORKER')} {began} {time.monotonic()}\\n"
    with (pathlib.Path(__file__).parent / "runs").open("a") as file:
        file.write(line)
"""


class Run(NamedTuple):
    name: str
    worker: str
    began: float
    ended: float


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """Three files of ordinary tests, and one with a test that runs alone and must be quicker than its wait."""
    for letter in "abc":
        tests = "".join(f"\ndef test_{number}(): run('{letter}{number}', 0.3)\n" for number in range(2))
        (tmp_path / f"test_{letter}.py").write_text(ORDINARY + tests)
    alone = "\n@pytest.mark.alone\n@pytest.mark.timeout(0.25)\ndef test_0(): run('alone', 0.1)\n"
    (tmp_path / "test_b_alone.py").write_text(ORDINARY + alone)
    return tmp_path


def run_pytest(root: Path, suite: Path, *options: str) -> str:
    argv = [sys.executable, "-m", "pytest", "-c", str(root / "pyproject.toml"), f"--rootdir={suite}", str(suite)]
    # Without docker on PATH, nothing is looked for on the engine.
    done = subprocess.run(
        [*argv, "-p", "tests.conftest", *options],
        cwd=root,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def runs(suite: Path) -> list[Run]:
    lines = (line.split() for line in (suite / "runs").read_text().splitlines())
    return [Run(name, worker, float(began), float(ended)) for name, worker, began, ended in lines]


def beside(one: Run, others: Sequence[Run]) -> list[str]:
    """The tests that ran at the same time as this one."""
    return [other.name for other in others if other is not one and one.began < other.ended and other.began < one.ended]


def test_workers_share_the_files_and_alone_means_alone(root: Path, suite: Path) -> None:
    run_pytest(root, suite, "-n", "2", "--no-loadscope-reorder")
    found = runs(suite)
    assert len(found) == 7
    assert len({one.worker for one in found}) == 2
    for letter in "abc":
        first, second = (one for one in found if one.name[0] == letter and one.name != "alone")
        assert first.worker == second.worker
        assert first.name < second.name
    (alone,) = (one for one in found if one.name == "alone")
    assert beside(alone, found) == []
    # The ordinary ones do run at the same time.
    assert any(beside(one, found) for one in found)


def test_the_files_with_a_whole_platform_share_a_worker(root: Path) -> None:
    scheduling: Any = SimpleNamespace(config=SimpleNamespace(rootpath=root))

    def worker_of(nodeid: str) -> str:
        return str(FileScheduling._split_scope(scheduling, nodeid))

    assert worker_of("tests/e2e/test_a.py::test_a") == worker_of("tests/e2e/development/test_b.py::test_b[x]")
    assert worker_of("tests/engine/test_a.py::test_a") == worker_of("tests/engine/test_a.py::test_b[x::y]")
    files = ("e2e/test_a.py", "e2e/test_power_cut.py", "engine/a.py", "engine/b.py")
    assert len({worker_of(f"tests/{file}::test_a") for file in files}) == 4


def test_the_order_of_the_files_is_that_of_the_seed(root: Path, suite: Path) -> None:
    def collected(*options: str) -> list[str]:
        output = run_pytest(root, suite, "--collect-only", "-q", *options)
        return [line.rpartition("/")[2] for line in output.splitlines() if "::" in line]

    usual = collected()
    shuffled = {seed: collected(f"--random-files={seed}") for seed in (1, 2)}
    assert collected("--random-files=1") == shuffled[1]
    assert len({tuple(usual), *(tuple(order) for order in shuffled.values())}) > 1
    for order in shuffled.values():
        assert sorted(order) == sorted(usual)
        files = [line.partition("::")[0] for line in order]
        # The tests of a file stay together and in their order.
        assert len(list(dict.fromkeys(files))) == sum(a != b for a, b in zip(files, [None, *files], strict=False))
        assert all(order.index(f"test_{x}.py::test_0") < order.index(f"test_{x}.py::test_1") for x in "abc")
