"""The linters: their commands, the files that they check, and their results."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rofecare_dev import sources
from rofecare_infra import process
from rofecare_infra.errors import CommandError

# In seconds. The slowest takes half a minute on an old machine.
_PATIENCE = 300.0

# Overlay -> the one whose services it changes, where that is not the base file.
_ON = {
    "docker-compose.tls.yml": "docker-compose.prod.yml",
    "docker-compose.small.yml": "docker-compose.prod.yml",
    "docker-compose.swarm.yml": "docker-compose.prod.yml",
    "docker-compose.monitoring.prod.yml": "docker-compose.monitoring.yml",
}


@dataclass(frozen=True)
class Linter:
    """A check by name; it passes if all its commands exit with 0."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    # A command whose output the others check: they get it as a file, the last word of their command lines.
    checked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """The result of one linter."""

    linter: str
    passed: bool
    seconds: float
    output: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{'passed' if self.passed else 'FAILED'}  {self.linter} ({self.seconds:.1f} s)"


def linters(root: Path) -> tuple[Linter, ...]:
    """Every linter with the files that it checks, the slowest first."""
    return (
        _of("mypy", "mypy"),
        _of("lint-imports", "lint-imports"),
        _of("ruff check", "ruff", "check", "."),
        _of("ruff format", "ruff", "format", "--check", "."),
        _of("yamllint", "yamllint", "--strict", *_names(sources.yaml_files(root))),
        _of("shellcheck", "shellcheck", *_names(sources.shell_scripts(root))),
        _of("hadolint", "hadolint", *_names(sources.dockerfiles(root))),
        Linter("compose config", tuple((*_compose(*files), "--quiet") for files in _combinations(root))),
        # The merged files of production: one file alone shows only part of the settings.
        Linter("compose-lint", (("compose-lint", "check", "--no-env", "--quiet"),), _compose(*sources.hardened(root))),
    )


def lint(root: Path, chosen: Sequence[Linter]) -> Iterator[Finding]:
    """Run the linters, as many at a time as there are cores, and yield their findings in the order given.

    Raises CommandError before any of them runs if a tool is missing.
    """
    called = [words[0] for linter in chosen for words in (*linter.commands, linter.checked[:1]) if words]
    absent = [program for program in called if _tool(program) is None]
    if absent:
        raise CommandError(
            "tools are missing",
            seen=f"no {', '.join(dict.fromkeys(absent))}",
            expected="the tools of requirements-dev.lock, and docker with its compose plugin",
            next_step="python3 scripts/bootstrap.py lint  (installs them)",
        )
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(lambda linter: run(root, linter), chosen)


def run(root: Path, linter: Linter) -> Finding:
    """Run one linter. Its output is part of the finding if it failed."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        output = _output_of(root, linter, Path(folder) / "docker-compose.yml")
    return Finding(linter.name, not output, time.monotonic() - began, output)


def _output_of(root: Path, linter: Linter, checked: Path) -> tuple[str, ...]:
    """The output of the commands that failed."""
    if linter.checked:
        made = _run(root, linter.checked)
        if not made.ok:
            return _failure(made)
        checked.write_text(made.stdout, encoding="utf-8")
    last = (str(checked),) if linter.checked else ()
    results = [_run(root, (*words, *last)) for words in linter.commands]
    return tuple(line for result in results if not result.ok for line in _failure(result))


def _run(root: Path, words: Sequence[str]) -> process.Result:
    return process.run([_tool(words[0]) or words[0], *words[1:]], cwd=root, timeout=_PATIENCE, check=False)


def _failure(result: process.Result) -> tuple[str, ...]:
    return (*result.tail(200), f"(exit code {result.returncode})")


def _tool(name: str) -> str | None:
    """The program from this Python's environment, which need not be activated, or else from PATH."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _of(name: str, *command: str) -> Linter:
    return Linter(name, (command,))


def _names(paths: Sequence[Path]) -> tuple[str, ...]:
    return tuple(str(path) for path in paths)


def _combinations(root: Path) -> Iterator[tuple[str, ...]]:
    """The base file alone, and with each overlay and the one that it changes."""
    yield ("docker-compose.yml",)
    for overlay in sources.overlays(root):
        between = (_ON[overlay],) if overlay in _ON else ()
        yield ("docker-compose.yml", *between, overlay)


def _compose(*files: str) -> tuple[str, ...]:
    chosen = [word for file in files for word in ("-f", f"docker/{file}")]
    return ("docker", "compose", "--project-directory", "docker", *chosen, "config")
