"""Applications from checkouts: a broken one does not stop the others; a working one replaces its reference service."""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path

import pytest

from tests.support import workspace
from tests.support.platform import PlatformUnderTest, docker

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]

WHOLE = "rofecare-service-pharmacy"
BROKEN = "rofecare-service-finance"


@pytest.fixture(scope="module")
def checkouts(platform: PlatformUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert platform
    folder = tmp_path_factory.mktemp("checkouts")
    workspace.shared(folder)
    workspace.application(folder, WHOLE, "pharmacy")
    workspace.broken(folder, BROKEN, "finance")
    return folder


def test_a_broken_checkout_does_not_stop_the_other_builds(platform: PlatformUnderTest, checkouts: Path) -> None:
    settings = {"SERVICES": "auto", "WORKSPACE": str(checkouts)}
    output = platform.expect(5, "build", environment=settings)
    assert f"error: rofecare/{BROKEN}:source could not be built" in output
    assert "1 failed" in output
    assert "cannot find symbol" in output
    applications = [line for line in output.splitlines() if line.startswith("image rofecare/rofecare-")]
    assert len(applications) == 11
    assert len([line for line in applications if "built" in line or "up to date" in line]) == 10

    # A second time: nothing is built again, and short names are accepted.
    again = platform.expect(0, "build", "pharmacy", "gateway", environment=settings)
    assert "0 built, 2 up to date, 0 failed" in again


def test_an_application_from_source_replaces_its_reference_service(
    platform: PlatformUnderTest, checkouts: Path
) -> None:
    shutil.rmtree(checkouts / BROKEN, ignore_errors=True)
    settings = {"SERVICES": "auto", "WORKSPACE": str(checkouts)}
    # Start what the build before this one replaced.
    platform.expect(0, "start-all")
    before = platform.started()
    platform.expect(0, "start-all", environment=settings)
    try:
        image = docker("inspect", "--format", "{{.Config.Image}}", platform.container(WHOLE))
        assert image == f"rofecare/{WHOLE}:source"
        after = platform.started()
        assert {name for name in after if after[name] != before[name]} == {WHOLE}
        port = platform.ports["PHARMACY_SERVICE_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/pharmacy/own", timeout=10) as answer:
            assert json.load(answer) == {"greeting": "from source"}
        # Smoke expects only what an application declares.
        platform.wait_for_smoke(environment=settings)
    finally:
        platform.expect(0, "start-all")
    assert (
        docker("inspect", "--format", "{{.Config.Image}}", platform.container(WHOLE)) == f"rofecare/{WHOLE}:reference"
    )
