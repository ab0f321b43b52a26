"""Registry mode: the images of the infrastructure come from a real registry on this machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from rofecare_infra.engine import connect
from rofecare_infra.errors import VerificationError
from rofecare_infra.images import fetch
from rofecare_infra.images.catalog import Catalog
from rofecare_infra.images.lockfile import Lockfile
from rofecare_infra.images.names import split
from rofecare_infra.state import SYSTEM_CLOCK
from tests.support.documented import INFRASTRUCTURE
from tests.support.fakes import drain
from tests.support.platform import SHIFT, PlatformUnderTest, docker
from tests.support.project import REPOSITORY
from tests.support.registry import registry

pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]


def model(platform: PlatformUnderTest, *files: str, **environment: str) -> dict[str, str]:
    """Service -> image, in the merged model of these files."""
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
def site(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlatformUnderTest]:
    """A platform on separate ports, not started."""
    assert engine is not None
    platform = PlatformUnderTest(tmp_path_factory.mktemp("site"), f"rofecare-registry-{SHIFT}", beside=600)
    platform.remove()
    yield platform
    platform.remove()


@pytest.fixture(scope="module")
def mirror(site: PlatformUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A registry that holds the images built on this machine under the upstream names of the infrastructure."""
    platform = site
    platform.expect(0, "build")
    with registry(tmp_path_factory.mktemp("registry")) as port:
        prefix = f"127.0.0.1:{port}/"
        wanted = model(platform, "docker-compose.yml", IMAGE_PREFIX=prefix)
        have = model(platform, "docker-compose.yml", "docker-compose.packages.yml")
        for theirs, ours in sorted({(wanted[name], have[name]) for name in INFRASTRUCTURE}):
            assert theirs.startswith(prefix)
            docker("tag", ours, theirs)
            docker("push", "--quiet", theirs)
            docker("rmi", theirs)
        yield port
        for theirs in {wanted[name] for name in INFRASTRUCTURE}:
            subprocess.run(["docker", "rmi", theirs], capture_output=True, check=False)


def test_infrastructure_is_pulled_and_started(site: PlatformUnderTest, mirror: int) -> None:
    """Eleven containers of four images. tests/contract/test_images.py shows that the modes differ in images alone."""
    site.environment |= {"IMAGES": "registry", "SERVICES": "registry", "IMAGE_PREFIX": f"127.0.0.1:{mirror}/"}
    output = site.expect(0, "start-infra")
    assert "11 of 11 containers ready" in output
    images = {one["Config"]["Image"] for one in site.containers().values()}
    assert {image.partition("/")[0] for image in images} == {f"127.0.0.1:{mirror}"}
    site.expect(0, "stop-all")
    for image in images:
        assert docker("image", "ls", "-q", image), "pulled by the start"


def test_only_the_recorded_image_gets_the_name(site: PlatformUnderTest, mirror: int) -> None:
    prefix = f"127.0.0.1:{mirror}/"
    image = model(site, "docker-compose.yml", IMAGE_PREFIX=prefix)["redis"]
    upstream = image.removeprefix(prefix)
    digest = Catalog(image).digest()
    engine = connect()

    def fetched(recorded: str) -> None:
        subprocess.run(["docker", "rmi", image], capture_output=True, check=False)
        drain(fetch(image, "redis", SYSTEM_CLOCK, engine, Lockfile({upstream: recorded}, prefix)))

    try:
        with pytest.raises(VerificationError):
            fetched(f"sha256:{'0' * 64}")
        assert engine.image(image) is None
        fetched(digest)
        found = engine.image(image)
        assert found is not None
        assert f"{split(image)[0]}@{digest}" in found.digests
        site.environment |= {"IMAGE_PREFIX": prefix}
        # The mirror has the images of the infrastructure alone.
        output = site.expect(5, "outdated")
        assert re.search(r"^redis +8\S+ +(not recorded|differs)$", output, re.MULTILINE), output
    finally:
        subprocess.run(["docker", "rmi", f"{split(image)[0]}@{digest}"], capture_output=True, check=False)
