"""The compose models, as compose itself resolves them. No engine is asked: reading files needs none."""

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
    """The model of some files with the settings of `.env`, and what is given instead of them."""

    @cache
    def make(*files: str, **settings: str) -> Json:
        chosen = [word for file in files for word in ("-f", file)]
        # Nothing of whoever runs the tests goes in: a setting of theirs would hide what `.env` says.
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
    """The same on images that are built here."""
    return model_of("docker-compose.yml", "docker-compose.packages.yml")
