"""The files that the linters check, the command line of pytest, and the errors for missing tools and wrong flags."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from rofecare_dev import tasks
from rofecare_dev.linters import Linter, lint, linters
from rofecare_dev.sources import dockerfiles, files, overlays, shell_scripts, yaml_files
from rofecare_dev.suites import Selection, command, run_tests, seed_of
from rofecare_infra import process
from rofecare_infra.errors import CommandError, UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    contents = {
        ".ci/run": "#!/usr/bin/env bash\n",
        ".git/hooks/x": "#!/bin/sh\n",
        ".venv/bin/activate.sh": "#!/bin/sh\n",
        ".yamllint": "extends: default\n",
        "docker/docker-compose.yml": "services: {}\n",
        "docker/docker-compose.override.yml": "services: {}\n",
        "docker/docker-compose.packages.yml": "services: {}\n",
        "docker/images/a/Dockerfile": "FROM scratch\n",
        "docker/images/a/Dockerfile.debug": "FROM scratch\n",
        "docker/images/a/entry": "#!/bin/bash -e\n",
        "docker/images/a/tool": "#!/usr/bin/env python3\n",
        "docker/reference/target/x.yml": "a: b\n",
        "docker/secrets/jwt_secret": "x",
        "backups/rofecare/1/manifest.json": "{}",
        "scripts/secrets/x.sh": "#!/bin/dash\n",
        "tests/unit/x.yaml": "a: b\n",
    }
    for name, text in contents.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def names(paths: Sequence[Path]) -> list[str]:
    return [str(path) for path in paths]


def test_files_of_each_kind(root: Path) -> None:
    assert names(shell_scripts(root)) == [".ci/run", "docker/images/a/entry", "scripts/secrets/x.sh"]
    assert names(dockerfiles(root)) == ["docker/images/a/Dockerfile", "docker/images/a/Dockerfile.debug"]
    assert "tests/unit/x.yaml" in names(yaml_files(root))
    assert ".yamllint" in names(yaml_files(root))
    assert overlays(root) == ("docker-compose.packages.yml",)


def test_generated_files_are_ignored(root: Path) -> None:
    found = names(list(files(root)))
    assert not [name for name in found if name.startswith((".git/", ".venv/", "docker/secrets/", "backups/"))]
    assert not [name for name in found if "target" in name]


def test_each_overlay_is_checked_with_the_base_file(root: Path) -> None:
    (compose,) = (one for one in linters(root) if one.name == "compose config")
    assert [[word for word in command if word.endswith(".yml")] for command in compose.commands] == [
        ["docker/docker-compose.yml"],
        ["docker/docker-compose.yml", "docker/docker-compose.packages.yml"],
    ]


def test_findings_come_in_the_order_given(tmp_path: Path) -> None:
    good = Linter("good", (("true",),))
    bad = Linter("bad", (("sh", "-c", "echo wrong; exit 2"), ("true",)))
    findings = list(lint(tmp_path, [bad, good]))
    assert [(one.linter, one.passed, one.output) for one in findings] == [
        ("bad", False, ("wrong", "(exit code 2)")),
        ("good", True, ()),
    ]
    assert str(findings[0]).startswith("FAILED  bad (0.")


def test_a_missing_tool_is_reported_before_anything_runs(tmp_path: Path) -> None:
    witness = Linter("witness", (("touch", str(tmp_path / "ran")),))
    with pytest.raises(CommandError) as caught:
        list(lint(tmp_path, [witness, Linter("x", (("no-such-linter",), ("no-such-linter", "again")))]))
    assert caught.value.seen == "no no-such-linter"
    assert not (tmp_path / "ran").exists()


class Terminal:
    """Replaces a run on the terminal."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.argv: list[str] = []

    def __call__(self, argv: list[str], **_options: Any) -> int:
        self.argv = argv
        return self.code


def options(
    root: Path, selection: Selection, environ: dict[str, str] | None = None, *, cores: int = 2
) -> tuple[list[str], list[str]]:
    """The arguments of pytest: the folders, and everything after them."""
    argv = command(root, selection, environ or {}, cores)
    assert argv[:3] == [sys.executable, "-m", "pytest"]
    end = argv.index("-m", 3)
    return argv[3:end], argv[end:]


def tiers(root: Path, selection: Selection) -> str:
    return options(root, selection)[1][1]


def test_the_fast_suites_first(root: Path) -> None:
    for suite in ("e2e", "contract", "engine"):
        (root / "tests" / suite).mkdir()
    assert options(root, Selection())[0] == ["tests/unit", "tests/contract", "tests/engine", "tests/e2e"]


def test_one_suite_and_ci(root: Path) -> None:
    folders, rest = options(root, Selection(only="unit"), {"CI": "true"})
    assert folders == ["tests/unit"]
    assert rest == ["-m", "not soak", "--durations=10", "--require-engine"]


@pytest.mark.parametrize(
    ("selection", "markers"),
    [
        (Selection(), "not full and not soak"),
        (Selection(full=True), "not soak"),
        (Selection(soak=True), "soak"),
        # Any single test can be run alone, regardless of its tier.
        (Selection(named="x"), "not soak"),
        (Selection(only="engine"), "not soak"),
        (Selection(only="engine", soak=True), "soak"),
    ],
)
def test_tiers_are_markers(root: Path, selection: Selection, markers: str) -> None:
    assert tiers(root, selection) == markers


def test_a_name_is_passed_to_pytest(root: Path) -> None:
    assert options(root, Selection(named="a or b"))[1][-2:] == ["-k", "a or b"]


def test_the_order_of_the_files(root: Path) -> None:
    assert "--random-files=7" in options(root, Selection(seed=7))[1]
    assert not [word for word in options(root, Selection())[1] if word.startswith("--random")]


@pytest.mark.parametrize(("cores", "workers"), [(1, 2), (2, 2), (3, 3), (64, 4)])
def test_workers_by_cores(root: Path, cores: int, workers: int) -> None:
    rest = options(root, Selection(full=True), cores=cores)[1]
    assert rest[-2:] == [f"--numprocesses={workers}", "--no-loadscope-reorder"]


@pytest.mark.parametrize(
    "selection", [Selection(only="unit"), Selection(only="e2e"), Selection(named="x"), Selection(soak=True)]
)
def test_one_process_where_workers_cost_more(root: Path, selection: Selection) -> None:
    assert not [word for word in options(root, selection)[1] if word.startswith("--numprocesses")]


def test_a_suite_that_does_not_exist(root: Path) -> None:
    with pytest.raises(UsageError, match="there is no suite 'units'"):
        run_tests(root, Selection(only="units"), {})


def test_one_tier_at_a_time(root: Path) -> None:
    with pytest.raises(UsageError, match="--full and --soak exclude each other"):
        run_tests(root, Selection(full=True, soak=True), {})


def test_a_seed() -> None:
    assert seed_of(None) is None
    assert seed_of("7") == 7
    assert seed_of(True) in range(10_000)  # noqa: FBT003 - what invoke passes for a flag without its value
    with pytest.raises(UsageError, match="'x' is not a seed"):
        seed_of("x")


def test_a_failure_prints_nothing_after_the_summary_of_pytest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run_attached", Terminal(1))
    with pytest.raises(Exit) as caught:
        tasks.test(Context(Config(overrides={"checkout": str(root)})), only="unit")
    assert (caught.value.code, caught.value.message) == (5, None)
