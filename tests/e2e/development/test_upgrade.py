"""An upgrade of the whole platform in which one service cannot start is rolled back without a lost write."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.support.load import Account, Ask, Load
from tests.support.platform import PlatformUnderTest, docker
from tests.support.routes import PATHS

pytestmark = [pytest.mark.full, pytest.mark.timeout(1500)]

WRITES = tuple(
    Ask(name, "POST", f"{PATHS[name]}/records", lambda: {"name": f"load {uuid.uuid4()}"})
    for name in ("patient", "finance")
)


@pytest.fixture
def broken_image(platform: PlatformUnderTest) -> Iterator[str]:
    """The image of the finance service with an entrypoint that fails."""
    name = f"{platform.name}-broken:1"
    good = platform.containers()["rofecare-service-finance"]["Config"]["Image"]
    dockerfile = f'FROM {good}\nENTRYPOINT ["bash", "-c", "echo no such column; exit 3"]\nCMD []\n'
    subprocess.run(
        ["docker", "build", "-q", "-t", name, "-"], input=dockerfile, text=True, check=True, capture_output=True
    )
    yield name
    subprocess.run(["docker", "rmi", "--force", name], check=False, capture_output=True)


def running(platform: PlatformUnderTest) -> dict[str, str]:
    return {name: one["Image"] for name, one in platform.containers().items()}


def rows(platform: PlatformUnderTest, service: str) -> set[str]:
    argv = ("psql", "-XAtq", "-U", "rofecare", "-d", f"rofecare_{service}", "-c", "select id from record")
    return set(docker("exec", platform.container(f"{service}-db"), *argv).split())


def test_an_upgrade_to_a_broken_image_is_rolled_back(platform: PlatformUnderTest, broken_image: str) -> None:
    before = running(platform)
    base = f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"
    with Load(base, WRITES, rate=4, login=Account(), timeout=15) as load:
        environment = {"ROFECARE_SERVICE_FINANCE_IMAGE": broken_image}
        output = platform.expect(7, "upgrade", timeout=1300, environment=environment)
    assert "the upgrade was rolled back: rofecare-service-finance failed" in output
    assert "| no such column" in output
    assert "downtime: " in output
    assert running(platform) == before
    for ask in WRITES:
        acknowledged = {json.loads(shot.answer)["id"] for shot in load.of(ask.route) if shot.ok}
        assert acknowledged, ask.route
        assert acknowledged <= rows(platform, ask.route), f"an acknowledged write of {ask.route} is lost"
    platform.expect(0, "status")
