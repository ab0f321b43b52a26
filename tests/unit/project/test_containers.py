"""What the containers of a project show before its files are read."""

from __future__ import annotations

import pytest

from rofecare_infra.engine import Engine
from rofecare_infra.errors import EngineError
from rofecare_infra.platform import LABEL_PHASE
from rofecare_infra.project.containers import ProjectContainers
from tests.support.fakes import FakeEngine, container

DATABASE = container("db", labels={LABEL_PHASE: "infrastructure"})
PROMETHEUS = container("prometheus", labels={LABEL_PHASE: "monitoring"})


def test_the_monitoring_is_there_as_long_as_one_of_its_containers_is() -> None:
    assert ProjectContainers("rofecare", lambda: FakeEngine([DATABASE, PROMETHEUS])).has_monitoring
    assert not ProjectContainers("rofecare", lambda: FakeEngine([DATABASE])).has_monitoring


def test_an_engine_that_does_not_answer_shows_no_containers() -> None:
    def connect() -> Engine:
        raise EngineError("no answer")

    containers = ProjectContainers("rofecare", connect)
    assert not containers.has_monitoring
    with pytest.raises(EngineError):
        assert containers.all
