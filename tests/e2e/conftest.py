"""One started platform for all of this folder: starting it takes minutes, looking at it seconds."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rofecare_infra.images.build import BASE_IMAGE
from tests.support.events import Recording, recording
from tests.support.platform import SHIFT, PlatformUnderTest, docker


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let a test's limit count for the test alone.

    Whichever test comes first also waits for the start that all of them share: minutes on a slow machine, and
    limited by the commands' own limits.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            own = item.get_closest_marker("timeout")
            seconds = own.args[0] if own else float(config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@dataclass(frozen=True)
class FirstStart:
    """What the start on an empty machine said, and what the engine recorded meanwhile."""

    output: str
    recording: Recording


@pytest.fixture(scope="session")
def stopped_platform(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    """A platform that nobody started yet; what is left of an earlier run is removed before and after."""
    assert engine is not None
    platform = PlatformUnderTest(tmp_path_factory.mktemp("platform"))
    platform.inv("stop-all", "--volumes")
    yield platform
    platform.inv("stop-all", "--volumes")


@pytest.fixture(scope="session")
def first_start(stopped_platform: PlatformUnderTest) -> FirstStart:
    """The start from nothing: secrets, images, 22 containers."""
    if subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True, check=False).returncode == 0:
        # Not a bare machine: images of another checkout would be taken as they are.
        stopped_platform.expect(0, "build", timeout=1500)
    with recording(stopped_platform.name) as events:
        output = stopped_platform.expect(0, "start-all", timeout=1500)
    return FirstStart(output, events)


@pytest.fixture(scope="session")
def platform(stopped_platform: PlatformUnderTest, first_start: FirstStart) -> PlatformUnderTest:
    """The platform, started."""
    assert first_start.output
    return stopped_platform


@pytest.fixture(scope="session")
def production(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    """The whole platform for production, with TLS and three containers of one service."""
    assert engine is not None
    platform = PlatformUnderTest(tmp_path_factory.mktemp("production"), f"rofecare-production-{SHIFT}")
    platform.environment |= {"TLS_HOST": "localhost", "REPLICAS_PATIENT": "3", "GATE_TIMEOUT": "900"}
    _clean(platform)
    platform.expect(0, "start-all", "--prod", timeout=1500)
    yield platform
    platform.inv("stop-all")
    _clean(platform)


def _clean(platform: PlatformUnderTest) -> None:
    """Remove what carries this project's name; its data is worth no backup."""
    containers = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={platform.name}").split()
    if containers:
        docker("rm", "--force", *containers)
    volumes = docker("volume", "ls", "-q", "--filter", f"label=com.rofecare.project={platform.name}").split()
    if volumes:
        docker("volume", "rm", *volumes)
    networks = docker("network", "ls", "-q", "--filter", f"label=com.docker.compose.project={platform.name}").split()
    if networks:
        docker("network", "rm", *networks)
