"""Every fault of the table, provoked in a small model: the first line of the error names service and cause."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.planted import Fault, Outcome, faults, images, outcome_of, planted
from tests.support.platform import PlatformUnderTest

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

# Of a hundred.
NAMED = 95
# Seconds after the crash of a container.
AT_THE_LATEST = 5.0


def test_the_causes_of_provoked_faults_are_named(development: PlatformUnderTest, tmp_path: Path) -> None:
    table = faults()
    if any(not _is_there(image) for image in images(table)):
        development.expect(0, "build", timeout=1500)

    def provoked(fault: Fault) -> Outcome:
        with planted(fault, tmp_path) as project:
            return outcome_of(fault, project)

    with ThreadPoolExecutor(max_workers=2) as pool:
        found = {fault.name: outcome for fault, outcome in zip(table, pool.map(provoked, table), strict=True)}
    assert [name for name, outcome in found.items() if outcome.is_up] == []
    late = {
        name: outcome.late
        for name, outcome in found.items()
        if outcome.late is not None and outcome.late > AT_THE_LATEST
    }
    assert late == {}
    wrong = {fault.name: found[fault.name].start for fault in table if not found[fault.name].names(fault)}
    assert len(wrong) * 100 <= len(table) * (100 - NAMED), wrong


def _is_there(image: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode == 0
