"""Every linter passes, so that the suite fails where `inv lint` fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_dev.linters import lint, linters

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", [linter.name for linter in linters(ROOT)])
def test_lint(root: Path, name: str) -> None:
    (linter,) = (one for one in linters(root) if one.name == name)
    (finding,) = lint(root, [linter])
    assert finding.passed, "\n".join((str(finding), *finding.output))
