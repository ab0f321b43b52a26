"""Production is recognised on the engine, whatever the checkout contains; no second set of volumes is begun."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rofecare_infra.errors import CommandError, EngineError, SettingsError
from rofecare_infra.platform import LABEL_MODE, LABEL_VOLUME_OF, Platform
from rofecare_infra.project import marker, mode
from rofecare_infra.project.marker import Marker
from rofecare_infra.settings import Assignment, Settings
from tests.support.fakes import FakeEngine, container

KEPT = "rofecare_production_db-data"
PRODUCTION = Platform(
    "rofecare", (), volumes={"db-data": KEPT, "metrics": "rofecare_metrics"}, external_volumes=(KEPT,)
)
STARTED = container("db", labels={LABEL_MODE: "production"}, status="exited")


class Unmeasured(FakeEngine):
    """An engine that cannot measure its volumes."""

    def volume_sizes(self) -> dict[str, int]:
        raise CommandError("the container engine refused a request")


def with_kept(engine: FakeEngine, size: int | None = 1) -> FakeEngine:
    engine.labels[KEPT] = {LABEL_VOLUME_OF: "rofecare"}
    engine.sizes = {} if size is None else {KEPT: size}
    return engine


def is_production(engine: FakeEngine) -> bool:
    return mode.is_production(engine, "rofecare", engine.containers("rofecare"))


def test_an_engine_with_nothing_has_no_production() -> None:
    assert not is_production(FakeEngine())
    assert not is_production(FakeEngine([container("db")]))


def test_a_marker_is_production() -> None:
    engine = FakeEngine()
    marker.write(engine, Marker("rofecare", Path("/var/lib/rofecare/rofecare"), "1"))
    assert is_production(engine)
    assert not mode.is_production(engine, "other", ())


def test_a_marker_that_cannot_be_used_is_production() -> None:
    engine = FakeEngine()
    engine.labels["rofecare_platform"] = {"com.rofecare.marker": "rofecare"}
    assert is_production(engine)


def test_stopped_containers_of_production_are_production() -> None:
    assert is_production(FakeEngine([STARTED]))


@pytest.mark.parametrize(("size", "production"), [(0, False), (1, True), (-1, True)])
def test_data_is_production_and_empty_volumes_are_not(size: int, *, production: bool) -> None:
    assert is_production(with_kept(FakeEngine(), size)) is production


def test_a_volume_without_labels_is_recognised_by_its_name() -> None:
    engine = FakeEngine()
    engine.labels[KEPT] = {}
    assert is_production(engine)


def test_the_development_volumes_of_a_project_with_a_similar_name_are_not() -> None:
    engine = FakeEngine()
    engine.labels[KEPT] = {"com.docker.compose.project": "rofecare_production"}
    assert not is_production(engine)


def test_what_cannot_be_measured_is_reported_and_not_taken_for_empty() -> None:
    with pytest.raises(CommandError):
        is_production(with_kept(Unmeasured()))


def test_what_cannot_be_listed_is_reported() -> None:
    class Silent(FakeEngine):
        def volume_labels(self, *filters: str) -> dict[str, Mapping[str, str]]:
            raise EngineError(f"no answer to {filters}")

    with pytest.raises(EngineError):
        mode.is_production(Silent(), "rofecare", ())


def test_production_is_not_started_beside_development_data() -> None:
    engine = with_kept(FakeEngine(), 0)
    engine.volume_names = ["rofecare_db-data"]
    with pytest.raises(SettingsError) as caught:
        mode.require_one_set(PRODUCTION, engine)
    assert "rofecare_db-data" in caught.value.seen
    for command in ("inv start-all", "COMPOSE_PROJECT_NAME", "inv stop-all --volumes"):
        assert command in caught.value.next_step


def test_a_size_that_is_unknown_is_no_reason_to_start_production_beside_development_data() -> None:
    engine = with_kept(FakeEngine(), -1)
    engine.volume_names = ["rofecare_db-data"]
    with pytest.raises(SettingsError):
        mode.require_one_set(PRODUCTION, engine)


def test_production_with_data_starts_whatever_development_left() -> None:
    engine = with_kept(FakeEngine(), 1)
    engine.volume_names = ["rofecare_db-data"]
    mode.require_one_set(PRODUCTION, engine)


@pytest.mark.parametrize("volumes", [[], ["rofecare_metrics"], ["other_db-data"]])
def test_volumes_of_both_modes_and_of_other_projects_are_no_second_set(volumes: list[str]) -> None:
    engine = Unmeasured()
    engine.volume_names = volumes
    mode.require_one_set(PRODUCTION, engine)


def test_empty_development_volumes_are_no_second_set() -> None:
    engine = FakeEngine()
    engine.volume_names, engine.sizes = ["rofecare_db-data"], {"rofecare_db-data": 0}
    mode.require_one_set(PRODUCTION, engine)


def begin(engine: FakeEngine, name: str = "rofecare", where: str = ".env line 9") -> None:
    values = {"COMPOSE_PROJECT_NAME": Assignment(name, where)}
    mode.require_meant(Settings(Path("/nowhere"), values), engine)


def test_a_name_that_was_lost_with_the_settings_begins_no_new_platform() -> None:
    engine = FakeEngine()
    begin(engine)
    marker.write(engine, Marker("hospital", Path("/srv"), "1"))
    with pytest.raises(SettingsError, match="production platform hospital") as caught:
        begin(engine)
    assert "COMPOSE_PROJECT_NAME to hospital" in caught.value.next_step


@pytest.mark.parametrize(("name", "where"), [("ward", ".env line 9"), ("rofecare", "the environment")])
def test_a_name_that_was_chosen_begins_a_platform(name: str, where: str) -> None:
    engine = FakeEngine()
    marker.write(engine, Marker("hospital", Path("/srv"), "1"))
    begin(engine, name, where)


@pytest.mark.parametrize("volumes", [True, False])
def test_a_platform_that_exists_goes_on(*, volumes: bool) -> None:
    engine = FakeEngine() if volumes else FakeEngine([container("db")])
    engine.volume_names = ["rofecare_db-data"] if volumes else []
    marker.write(engine, Marker("hospital", Path("/srv"), "1"))
    begin(engine)


def test_the_platform_that_is_marked_goes_on() -> None:
    engine = FakeEngine()
    marker.write(engine, Marker("rofecare", Path("/srv"), "1"))
    begin(engine)
