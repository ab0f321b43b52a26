"""A throw-away project: its own folder, compose file and name, driven by `inv` from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.lease import small_subnet
from tests.support.leftovers import RUN

REPOSITORY = Path(__file__).resolve().parents[2]
INV = Path(sys.executable).with_name("inv")
# Small, has bash, and is there wherever the packaged images were built.
IMAGE = "rofecare/base:trixie"

Json = dict[str, Any]
MakeProject = Callable[..., "Project"]

# A command that runs until it is stopped.
FOREVER = "exec sleep infinity"


class Project:
    """A checkout in miniature: tasks.py and one compose file."""

    def __init__(self, folder: Path, services: Mapping[str, Json], **top_level: Json) -> None:
        self.root = folder
        self.name = f"gate-{RUN}-{uuid.uuid4().hex[:8]}"
        self.environment: dict[str, str] = {"GATE_TIMEOUT": "20", "STATE_DIR": str(folder / "state")}
        (folder / "docker").mkdir(parents=True)
        shutil.copy(REPOSITORY / "tasks.py", folder)
        (folder / ".env").write_text("")
        (folder / "docker" / ".env").symlink_to("../.env")
        top_level = {"networks": {"default": small_network()}, **top_level}
        self.write("docker-compose.yml", {"name": self.name, "services": services, **top_level})

    def write(self, file: str, model: Mapping[str, object]) -> None:
        """Write a compose file; JSON is YAML, too."""
        (self.root / "docker" / file).write_text(json.dumps(model))

    def popen(self, *words: str) -> subprocess.Popen[str]:
        """Start `inv` with these words, its two streams in one pipe."""
        return subprocess.Popen(
            [str(INV), "--search-root", str(self.root), *words],
            env=self._environment(),
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def inv(self, *words: str, timeout: float = 120) -> tuple[int, str]:
        """Run `inv` to its end; return the exit code and the output."""
        with self.popen(*words) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return process.returncode, output

    def docker(self, *words: str) -> str:
        """Run `docker` against the same engine."""
        done = subprocess.run(["docker", *words], env=self._environment(), capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def inspect(self, service: str) -> Json:
        """`docker inspect` of the container of a service."""
        found: list[Json] = json.loads(self.docker("inspect", f"{self.name}-{service}-1"))
        return found[0]

    def clean(self) -> None:
        """Remove what carries this project's name, and nothing else."""
        if "DOCKER_HOST" in self.environment:
            return  # the test removes this engine with everything on it
        label = f"label=com.docker.compose.project={self.name}"
        # Left by a command that the test has killed.
        lock = f"label=com.rofecare.lock={self.name}"
        for kind, listing, chosen in (
            ("container", ["-aq"], label),
            ("container", ["-aq"], lock),
            ("network", ["-q"], label),
            ("volume", ["-q"], label),
            ("volume", ["-q"], f"label=com.rofecare.project={self.name}"),
            ("volume", ["-q"], f"label=com.rofecare.marker={self.name}"),
        ):
            names = self.docker(kind, "ls", *listing, "--filter", chosen).split()
            if names:
                self.docker(kind, "rm", "--force", *(["--volumes"] if kind == "container" else []), *names)
        kept = self.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", f"{self.name}-before-upgrade").split()
        if kept:
            self.docker("rmi", *kept)

    def _environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if name != "COMPOSE_PROJECT_NAME"}
        return {**ours, "COMPOSE_PROJECT_NAME": self.name, **self.environment}


def small_network() -> Json:
    """A network outside of the thirty or so that an engine assigns by itself: tests run beside platforms."""
    return {"ipam": {"config": [{"subnet": small_subnet()}]}}


def service(command: str, *, probe: str = "true", phase: str | None = "infrastructure", **more: object) -> Json:
    """A service that runs a shell command and is healthy as long as `probe` ends with 0."""
    labels = {"com.rofecare.phase": phase} if phase else {}
    return {
        "image": IMAGE,
        "command": ["bash", "-c", command],
        # Stops at once, so that no test waits for a grace period.
        "init": True,
        "labels": labels,
        "healthcheck": {
            "test": ["CMD-SHELL", probe],
            "interval": "1s",
            "timeout": "2s",
            "retries": 1,
            "start_period": "5s",
            "start_interval": "300ms",
        },
        **more,
    }


def without_healthcheck(command: str, **more: object) -> Json:
    """The same without a health check."""
    return {key: value for key, value in service(command, **more).items() if key != "healthcheck"}  # type: ignore[arg-type]


def check(outcome: tuple[int, str], code: int, *expected: str) -> None:
    """Assert the exit code, parts of the output, and what no output contains."""
    returncode, output = outcome
    assert returncode == code, output
    for words in expected:
        assert words in output, output
    assert "Traceback" not in output, output
    if code:
        assert "up: " not in output, output


def wait_for(project: Project, name: str, template: str, wanted: str) -> None:
    """Wait until `docker inspect` with this template prints the wanted value for the service's container."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(subprocess.CalledProcessError):
            if project.docker("inspect", "--format", template, f"{project.name}-{name}-1") == wanted:
                return
        time.sleep(0.1)
    pytest.fail(f"{name} never became {wanted}")
