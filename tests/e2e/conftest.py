"""Platforms for the tests of this folder: starting one takes a minute or more, asking it seconds.

At most one of them runs at a time. Each file asks for the one it needs by a fixture, which stops the other
and starts its own; if its own is running already, that is a start without changes. A test that stops or breaks a part
restores it. The files in `development` share one platform and come first.

These starts of the whole platform remain:

| start | question that only this start answers |
| --- | --- |
| `first_start` | Does the platform come up from nothing in the documented order, with every image and secret? |
| restore, in test_walk.py | Do all services start on the data of a backup, with eight databases at once? |
| restore, in test_kafka_backup.py | Do the services resume on Kafka volumes that were restored? |
| upgrade, in test_upgrade.py | Do writes through the gateway survive an upgrade that is rolled back? |
| second start, in test_walk.py | Does an interrupted start resume, on the data of a stop under load? |
| `production` | Which container reaches which, and do replicas share the work, behind the reverse proxy? |
| `hospital`, in test_power_cut.py | Does the engine alone bring everything up after a power cut, with all data? |

Small projects in tests/engine, `start-infra`, or the merged compose model in tests/contract answer the other ones.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rofecare_infra.images.build import BASE_IMAGE
from tests.support.events import recording
from tests.support.platform import SHIFT, FirstStart, OnePlatform, PlatformUnderTest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Apply the limit of a test to the test alone, not to the start of the platform that several tests share.

    The limits of the commands apply to the start.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            own = item.get_closest_marker("timeout")
            seconds = own.args[0] if own else float(config.getini("timeout"))
            item.add_marker(pytest.mark.timeout(seconds, func_only=True), append=False)


@pytest.fixture(scope="session")
def one_platform() -> OnePlatform:
    """Which platform runs now."""
    return OnePlatform()


@pytest.fixture(scope="session")
def development(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    """The platform in development mode, not started; nothing remains of an earlier run."""
    assert engine is not None
    platform = PlatformUnderTest(tmp_path_factory.mktemp("development"))
    platform.remove()
    yield platform
    platform.remove()


@pytest.fixture(scope="session")
def first_start(one_platform: OnePlatform, development: PlatformUnderTest) -> FirstStart:
    """The start from nothing: secrets, images, 22 containers."""
    if subprocess.run(["docker", "image", "inspect", BASE_IMAGE], capture_output=True, check=False).returncode == 0:
        # Not a bare machine: images of another checkout would be used as they are.
        development.expect(0, "build", timeout=1500)
    one_platform.make_room()
    with recording(development.name) as events:
        output = one_platform.start(development)
    timeline = json.loads(development.expect(0, "timeline", "--json"))
    return FirstStart(output, events, development.started(), development.containers(), timeline)


@pytest.fixture(scope="module")
def platform(one_platform: OnePlatform, development: PlatformUnderTest, first_start: FirstStart) -> PlatformUnderTest:
    """The platform in development mode, started."""
    assert first_start.output
    one_platform.start(development)
    return development


@pytest.fixture(scope="session")
def production_platform(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    """The platform in production mode with TLS and three containers of one service, not started."""
    assert engine is not None
    platform = PlatformUnderTest(tmp_path_factory.mktemp("production"), f"rofecare-production-{SHIFT}", mode="--prod")
    platform.environment |= {"TLS_HOST": "localhost", "REPLICAS_PATIENT": "3", "GATE_TIMEOUT": "900"}
    platform.remove()
    yield platform
    platform.remove()


@pytest.fixture(scope="module")
def production(one_platform: OnePlatform, production_platform: PlatformUnderTest) -> PlatformUnderTest:
    """The platform in production mode, started."""
    one_platform.start(production_platform)
    return production_platform
