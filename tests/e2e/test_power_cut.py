"""A power cut while clients write: the platform comes up by itself, with everything that it acknowledged."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.machine import Machine, machine
from tests.support.platform import SHIFT, OnePlatform, PlatformUnderTest
from tests.support.project import REPOSITORY
from tests.support.rounds import ROUNDS
from tests.support.routes import PATHS
from tests.support.topics import reader, topics_of

pytestmark = pytest.mark.timeout(1500)
# Seconds of writing before the power is cut. The soak repeats it at random moments.
_MOMENTS = [
    pytest.param(5.0, marks=pytest.mark.full),
    *(pytest.param(random.uniform(3, 15), marks=pytest.mark.soak, id=f"random{n}") for n in range(ROUNDS)),  # noqa: S311 - no secret
]

_FILES = (
    "docker-compose.yml",
    "docker-compose.prod.yml",
    "docker-compose.small.yml",
    "docker-compose.packages.yml",
    "docker-compose.prod.packages.yml",
)
# Seconds that a machine of two cores may take from its boot until 22 containers that start at once are ready.
_UP_AGAIN = 600


@pytest.fixture(scope="module")
def server(engine: object) -> Iterator[Machine]:
    """A machine of its own, with the images of the one around it."""
    assert engine is not None
    files = [word for file in _FILES for word in ("-f", str(REPOSITORY / "docker" / file))]
    argv = ["docker", "compose", *files, "config", "--images"]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    with machine() as it:
        it.lend(sorted(set(listed.split())))
        yield it


@pytest.fixture(scope="module")
def hospital(one_platform: OnePlatform, server: Machine, tmp_path_factory: pytest.TempPathFactory) -> PlatformUnderTest:
    """Production as on a small server; after this start, no command starts anything."""
    one_platform.make_room()
    platform = PlatformUnderTest(
        tmp_path_factory.mktemp("power"),
        f"rofecare-power-{SHIFT}",
        mode="--prod",
        engine=server.host,
        inside=server.inside,
    )
    platform.environment |= {"SIZE": "small", "GATE_TIMEOUT": "900"}
    platform.start()
    platform.wait_for_smoke()
    return platform


@pytest.fixture(scope="module")
def acknowledged() -> dict[str, set[str]]:
    """Service -> the identifiers of all records that it ever acknowledged."""
    return {service: set() for service in PATHS}


@pytest.mark.parametrize("seconds", _MOMENTS)
def test_the_platform_comes_up_by_itself_with_all_acknowledged_data(
    server: Machine,
    hospital: PlatformUnderTest,
    acknowledged: dict[str, set[str]],
    seconds: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = f"http://127.0.0.1:{hospital.ports['GATEWAY_PORT']}"
    argv = server.inside([sys.executable, "-m", "tests.support.writer", base])
    with subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        time.sleep(seconds)
        server.cut_power()
        output, _ = writer.communicate("", timeout=120)
    fresh: dict[str, list[str]] = json.loads(output)
    for service in PATHS:
        acknowledged[service].update(fresh[service])
    server.start()
    up_after = _up(hospital)
    with capsys.disabled():
        counts = ", ".join(f"{service} {len(ids)}" for service, ids in fresh.items())
        sys.stdout.write(f"\ncut after {seconds:.1f} s of writing ({counts}); up again after {up_after:.0f} s\n")
    assert sum(map(len, fresh.values())) > 0
    for service, ids in acknowledged.items():
        assert ids <= rows(server, hospital, service), f"{service} lost records"
    topics = {service: topics_of(service) for service in PATHS}
    sent = messages(server, hospital, [topic for of_one in topics.values() for topic in of_one])
    for service, ids in acknowledged.items():
        assert not [id_ for id_ in ids if sent[id_] < len(topics[service])], f"messages of {service} are lost"
    hospital.expect(0, "smoke")


def _up(hospital: PlatformUnderTest) -> float:
    """Wait until all services are ready; return the seconds."""
    began = time.monotonic()
    while True:
        code, output = hospital.inv("status")
        seconds = time.monotonic() - began
        if code == 0:
            return seconds
        assert seconds < _UP_AGAIN, output
        time.sleep(5)


def rows(server: Machine, hospital: PlatformUnderTest, service: str) -> set[str]:
    name = f"rofecare_{service.replace('-', '_')}"
    container = hospital.container(f"{service}-db")
    return set(
        server.docker("exec", container, "psql", "-U", "rofecare", "-d", name, "-Atc", "select id from record").split()
    )


def messages(server: Machine, hospital: PlatformUnderTest, topics: list[str]) -> Counter[str]:
    """Record -> how many messages there are of it: one on each topic that its service publishes."""
    output = server.docker("exec", hospital.container("kafka"), *reader(topics))
    return Counter(output.split())
