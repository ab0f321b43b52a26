"""Fixtures for tests that need an engine: a small image and projects that clean up after themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.images import ensure_base
from tests.support.project import MakeProject, Project

Json = dict[str, Any]


@pytest.fixture(scope="session")
def small_image(engine: object) -> str:
    """An image to make containers of; built on a machine that has none."""
    assert engine is not None
    return ensure_base()


@pytest.fixture
def make_project(small_image: str, tmp_path: Path) -> Iterator[MakeProject]:
    """Make projects; whatever they started is removed at the end."""
    assert small_image
    made: list[Project] = []

    def make(services: Mapping[str, Json], **top_level: Json) -> Project:
        project = Project(tmp_path / f"project-{len(made)}", services, **top_level)
        made.append(project)
        return project

    yield make
    for project in made:
        project.clean()
