"""The engine stops during a command, or the connection to the registry breaks: on a second engine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import FOREVER, IMAGE, MakeProject, Project, check, service, wait_for
from tests.support.registry import UnreliableProxy, registry
from tests.support.second_engine import SecondEngine, second_engine

REMOTE = "noise:1"

pytestmark = pytest.mark.full


@pytest.fixture
def other_engine(small_image: str, tmp_path: Path) -> Iterator[SecondEngine]:
    assert small_image
    (tmp_path / "engine").mkdir()
    with second_engine(tmp_path / "engine") as engine:
        yield engine


@pytest.fixture
def registry_port(small_image: str, tmp_path: Path) -> Iterator[int]:
    """A registry with an image of which this machine has no layer."""
    (tmp_path / "registry").mkdir()
    noise = tmp_path / "noise"
    noise.write_bytes(os.urandom(8_000_000))

    def docker(*words: str) -> str:
        return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()

    with registry(tmp_path / "registry") as port:
        name = f"127.0.0.1:{port}/{REMOTE}"
        # Not built: the builder's cache would keep the layer, and nothing would be pulled.
        container = docker("create", small_image, "true")
        docker("cp", str(noise), f"{container}:/noise")
        docker("commit", container, name)
        docker("rm", container)
        docker("push", name)
        docker("rmi", name)
        yield port


def on(engine: SecondEngine, project: Project) -> Project:
    project.environment["DOCKER_HOST"] = engine.host
    return project


def test_engine_stops_during_the_wait(make_project: MakeProject, other_engine: SecondEngine, tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    subprocess.run(["docker", "save", "--output", str(archive), IMAGE], check=True)
    other_engine.docker("load", "--input", str(archive))
    project = on(other_engine, make_project({"slow": service(FOREVER, probe="false", network_mode="none")}))
    with project.popen("start-all") as running:
        wait_for(project, "slow", "{{.State.Status}}", "running")
        other_engine.stop()
        output, _ = running.communicate(timeout=60)
    check((running.returncode, output), 4, "the container engine does not answer", "next:")


def test_no_engine_at_all(make_project: MakeProject) -> None:
    project = make_project({"any": service(FOREVER)})
    project.environment["DOCKER_HOST"] = "unix:///run/no-engine-here.sock"
    check(project.inv("start-all"), 4, "the container engine does not answer")


def pulling(make_project: MakeProject, port: int) -> Project:
    return make_project({"pulled": service(FOREVER) | {"image": f"127.0.0.1:{port}/{REMOTE}"}})


def test_an_interrupted_pull_is_retried(make_project: MakeProject, registry_port: int) -> None:
    # The engine retries a layer five times; only more cuts than that fail a pull.
    proxy = UnreliableProxy(registry_port, cuts=8, after=1_000_000)
    project = pulling(make_project, proxy.port)
    check(project.inv("start-all", timeout=280), 0, "failed (", "trying again", "up: 1 of 1")
    assert proxy.cuts_left == 0
    project.clean()
    project.docker("rmi", f"127.0.0.1:{proxy.port}/{REMOTE}")


def test_a_pull_that_never_succeeds_is_reported(make_project: MakeProject, registry_port: int) -> None:
    proxy = UnreliableProxy(registry_port, cuts=10_000, after=100)
    outcome = pulling(make_project, proxy.port).inv("start-all", timeout=280)
    check(outcome, 5, f"image 127.0.0.1:{proxy.port}/{REMOTE} cannot be pulled", "4 of 4 attempts", "pulled needs")
