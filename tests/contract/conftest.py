"""The models of the compose files as compose resolves them, which needs no engine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

Json = dict[str, Any]
MakeModel = Callable[..., Json]


@pytest.fixture(scope="session")
def model_of(root: Path) -> MakeModel:
    """A function: compose files and settings that override `.env` -> their model."""

    @cache
    def make(*files: str, **settings: str) -> Json:
        chosen = [word for file in files for word in ("-f", file)]
        # Without the environment of the user, whose settings would override `.env`.
        environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            ["docker", "compose", *chosen, "config", "--format", "json"],
            cwd=root / "docker",
            env={**environment, **settings},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        model: Json = json.loads(done.stdout)
        return model

    return make


@pytest.fixture(scope="session")
def model(model_of: MakeModel) -> Json:
    """The platform on upstream images."""
    return model_of("docker-compose.yml")


@pytest.fixture(scope="session")
def packages(model_of: MakeModel) -> Json:
    """The platform on images that are built here."""
    return model_of("docker-compose.yml", "docker-compose.packages.yml")
