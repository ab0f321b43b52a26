"""Registry mode, against a real registry on this machine: pulled, started, smoke-tested.

It runs last: the platform of the tests before it is gone, and starts here from nothing again.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.platform import PlatformUnderTest, docker
from tests.support.project import REPOSITORY
from tests.support.registry import registry

pytestmark = pytest.mark.timeout(1200)


def model(platform: PlatformUnderTest, *files: str, **environment: str) -> dict[str, str]:
    """Service -> image, as compose resolves these files."""
    argv = ["docker", "compose", *(word for file in files for word in ("-f", file)), "config", "--format", "json"]
    done = subprocess.run(
        argv,
        cwd=REPOSITORY / "docker",
        env={**os.environ, **platform.environment, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: one["image"] for name, one in json.loads(done.stdout)["services"].items()}


@pytest.fixture(scope="module")
def mirror(stopped_platform: PlatformUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A site's mirror that holds, under the names that the model asks for, what was built on this machine."""
    platform = stopped_platform
    platform.expect(0, "build")
    with registry(tmp_path_factory.mktemp("registry")) as port:
        prefix = f"127.0.0.1:{port}/"
        wanted = model(platform, "docker-compose.yml", IMAGE_PREFIX=prefix)
        have = model(platform, "docker-compose.yml", "docker-compose.packages.yml")
        for theirs, ours in sorted({(wanted[name], have[name]) for name in wanted}):
            assert theirs.startswith(prefix)
            docker("tag", ours, theirs)
            docker("push", "--quiet", theirs)
            docker("rmi", theirs)
        yield port
        for theirs in set(wanted.values()):
            subprocess.run(["docker", "rmi", theirs], capture_output=True, check=False)


def test_the_model_names_the_upstream_images(stopped_platform: PlatformUnderTest) -> None:
    images = set(model(stopped_platform, "docker-compose.yml", IMAGE_PREFIX="").values())
    assert {image.rpartition(":")[0] for image in images if not image.startswith("ghcr.io/rofecare/")} == {
        "postgres",
        "redis",
        "confluentinc/cp-kafka",
        "confluentinc/cp-zookeeper",
    }
    assert all(image.rpartition(":")[2] not in {"", "latest"} for image in images)


def test_pulled_started_and_smoke_tested(stopped_platform: PlatformUnderTest, mirror: int) -> None:
    platform = stopped_platform
    settings = {"IMAGES": "registry", "SERVICES": "registry", "IMAGE_PREFIX": f"127.0.0.1:{mirror}/"}
    output = platform.expect(0, "start-all", environment=settings)
    assert "up: 22 of 22 containers ready" in output
    assert {one["Config"]["Image"].partition("/")[0] for one in platform.containers().values()} == {
        f"127.0.0.1:{mirror}"
    }
    platform.expect(0, "smoke", environment=settings)
    platform.expect(0, "stop-all", environment=settings)
