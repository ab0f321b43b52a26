"""What the linters are run on, and what a missing tool or a wrong word leads to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from invoke.exceptions import Exit

from rofecare_infra import process
from rofecare_infra.boundary import quality_commands
from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.quality import Linter, lint, linters, run_tests
from rofecare_infra.quality.sources import dockerfiles, files, overlays, shell_scripts, yaml_files


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


def test_what_was_made_here_is_not_ours_to_judge(root: Path) -> None:
    found = names(list(files(root)))
    assert not [name for name in found if name.startswith((".git/", ".venv/", "docker/secrets/"))]
    assert not [name for name in found if "target" in name]


def test_each_overlay_is_tried_on_top_of_the_platform(root: Path) -> None:
    (compose,) = (one for one in linters(root) if one.name == "compose config")
    assert [[word for word in command if word.endswith(".yml")] for command in compose.commands] == [
        ["docker/docker-compose.yml"],
        ["docker/docker-compose.yml", "docker/docker-compose.packages.yml"],
    ]


def test_each_finding_in_the_order_given(tmp_path: Path) -> None:
    good = Linter("good", (("true",),))
    bad = Linter("bad", (("sh", "-c", "echo wrong; exit 2"), ("true",)))
    findings = list(lint(tmp_path, [bad, good]))
    assert [(one.linter, one.passed, one.output) for one in findings] == [
        ("bad", False, ("wrong", "(exit code 2)")),
        ("good", True, ()),
    ]
    assert str(findings[0]).startswith("FAILED  bad (0.")


def test_a_tool_that_is_missing_is_named_before_anything_is_run(tmp_path: Path) -> None:
    witness = Linter("witness", (("touch", str(tmp_path / "ran")),))
    with pytest.raises(CommandError) as caught:
        list(lint(tmp_path, [witness, Linter("x", (("no-such-linter",), ("no-such-linter", "again")))]))
    assert caught.value.seen == "no no-such-linter"
    assert not (tmp_path / "ran").exists()


class Terminal:
    """Stands in for a run on our own terminal."""

    def __init__(self, code: int) -> None:
        self.code = code
        self.argv: list[str] = []

    def __call__(self, argv: list[str], **_options: Any) -> int:
        self.argv = argv
        return self.code


def run_with(root: Path, only: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    terminal = Terminal(0)
    monkeypatch.setattr(process, "run_attached", terminal)
    assert run_tests(root, only, environ) == 0
    assert terminal.argv[1:3] == ["-m", "pytest"]
    return terminal.argv[3:]


def test_the_fast_suites_first(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suite in ("e2e", "contract", "engine"):
        (root / "tests" / suite).mkdir()
    assert run_with(root, "", {}, monkeypatch) == ["tests/unit", "tests/contract", "tests/engine", "tests/e2e"]


def test_one_suite_and_ci(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(root, "unit", {"CI": "true"}, monkeypatch) == ["tests/unit", "--require-engine"]


def test_a_suite_that_does_not_exist(root: Path) -> None:
    with pytest.raises(UsageError, match="no suite is called 'units'"):
        run_tests(root, "units", {})


def test_pytest_has_the_last_word(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "run_attached", Terminal(1))
    with pytest.raises(Exit) as caught:
        quality_commands.run_tests(root, "unit")
    assert (caught.value.code, caught.value.message) == (5, None)
