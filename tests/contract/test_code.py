"""Promises of the code that no linter checks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = [Path("tasks.py"), *sorted(path.relative_to(ROOT) for path in (ROOT / "scripts").rglob("*.py"))]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nothing_sleeps_a_fixed_time(root: Path, module: Path) -> None:
    """A sleep is a parameter of a use case; a direct call would be a guess at how long to wait."""
    tree = ast.parse((root / module).read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called & {"time.sleep"} == set()


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_short_and_says_what_it_is_for(root: Path, module: Path) -> None:
    text = (root / module).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))


def test_nothing_is_imported_from_a_test_module(root: Path) -> None:
    """Helpers are in tests/support."""
    suites = ("tests.unit", "tests.contract", "tests.engine", "tests.e2e")
    imported = {
        f"{path.relative_to(root)}: {node.module}"
        for path in (root / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(suites)
    }
    assert imported == set()
