"""What a machine cannot provide is named before anything is created: on a second engine with few addresses."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import FOREVER, IMAGE, MakeProject, check, service
from tests.support.second_engine import SecondEngine, second_engine

pytestmark = pytest.mark.full


@pytest.fixture
def small_engine(small_image: str, tmp_path: Path) -> Iterator[SecondEngine]:
    """An engine with two subnets, and all its data in a folder of its own."""
    assert small_image
    archive = tmp_path / "image.tar"
    subprocess.run(["docker", "save", "--output", str(archive), IMAGE], check=True)
    (tmp_path / "engine").mkdir()
    with second_engine(tmp_path / "engine", "--default-address-pool=base=10.213.0.0/23,size=24") as engine:
        engine.docker("load", "--input", str(archive))
        yield engine


def test_too_few_addresses_and_another_folder_of_the_engine(
    make_project: MakeProject, small_engine: SecondEngine
) -> None:
    names = ("one", "two", "three")
    project = make_project(
        {name: service(FOREVER, networks=[name]) for name in names}, networks={name: {} for name in names}
    )
    project.environment["DOCKER_HOST"] = small_engine.host
    before = small_engine.docker("network", "ls", "--format", "{{.Name}}")
    check(
        project.inv("start-all"),
        5,
        "the engine has no addresses for the networks of the platform: nothing was started",
        "2 free subnets",
        "3 free subnets",
        "docker network prune",
    )
    assert small_engine.docker("network", "ls", "--format", "{{.Name}}") == before
    assert small_engine.docker("ps", "--all", "--quiet") == ""
    code, output = project.inv("doctor", "--json")
    found = {
        one["point"]: one
        for one in map(json.loads, filter(lambda line: line.startswith("{"), output.splitlines()))
        if "point" in one
    }
    assert code == 5, output
    assert found["addresses"]["level"] == "problem"
    assert all(one["level"] == "ok" for point, one in found.items() if point not in {"addresses", "memory"}), output
    # The monitoring reads the logs of containers in the engine's folder.
    logs = {"LOGS": "${CONTAINER_LOGS:-/var/lib/docker/containers}"}
    watched = {"watched": service(FOREVER, phase="monitoring", network_mode="none", environment=logs)}
    project.write("docker-compose.monitoring.yml", {"services": watched})
    project.environment["CONTAINER_LOGS"] = "/var/lib/docker/containers"
    check(
        project.inv("start-monitoring"), 3, "CONTAINER_LOGS is '/var/lib/docker/containers'", "engine/data/containers"
    )


def test_a_default_builder_without_the_images_of_the_engine_is_not_used(
    make_project: MakeProject, small_image: str, tmp_path: Path
) -> None:
    image = "gate-built-beside-another-builder:1"
    (tmp_path / "Dockerfile").write_text(f"FROM {small_image}\nRUN true\n")
    project = make_project({"built": service(FOREVER) | {"image": image, "build": {"context": str(tmp_path)}}})
    # The selection of this test alone: other tests build at the same time.
    project.environment["BUILDX_CONFIG"] = str(tmp_path / "buildx")
    create = ["docker", "buildx", "create", "--name", "elsewhere", "--driver", "docker-container", "--use"]
    subprocess.run(create, env={**os.environ, **project.environment}, check=True, capture_output=True)
    try:
        code, output = project.inv("doctor")
        assert "warning  builder    the default builder has the driver docker-container" in output
        check(project.inv("start-all"), 0, "up: 1 of 1 containers ready")
    finally:
        project.clean()
        subprocess.run(["docker", "rmi", "--force", image], check=False, capture_output=True)
    assert code == 0, output
