"""Every checkout opens a platform in the mode that the engine shows; without an answer it is not development."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.engine import Container
from rofecare_infra.errors import EngineError, SettingsError
from rofecare_infra.project import initialise, marker, open_for_init, open_for_stop, open_project
from rofecare_infra.project.marker import Marker
from tests.support.checkout import Checkout
from tests.support.fakes import FakeEngine


class Silent(FakeEngine):
    """An engine that does not list its containers."""

    def containers(self, project: str) -> tuple[Container, ...]:
        raise EngineError(f"no answer about {project}")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    made = Checkout(tmp_path, monkeypatch)
    (made.folder / "docker-compose.prod.yml").write_text("services: {}")
    return made


def mark(checkout: Checkout) -> None:
    marker.write(checkout.engine, Marker("rofecare", Path("/srv/state"), "1"))


def test_a_fresh_checkout_opens_production_as_production(checkout: Checkout) -> None:
    mark(checkout)
    project = open_project(checkout.root)
    assert project.production
    assert project.compose.files == ("docker-compose.yml", "docker-compose.prod.yml")


def test_the_monitoring_of_production_has_files_of_its_own(checkout: Checkout) -> None:
    mark(checkout)
    for name in ("docker-compose.monitoring.yml", "docker-compose.monitoring.prod.yml"):
        (checkout.folder / name).write_text("services: {}")
    files = open_project(checkout.root, monitoring=True).compose.files
    assert files[-2:] == ("docker-compose.monitoring.yml", "docker-compose.monitoring.prod.yml")
    assert "docker-compose.monitoring.prod.yml" not in open_project(checkout.root, monitoring=False).compose.files
    development = open_project(checkout.root, monitoring=True, production=False).compose.files
    assert development == ("docker-compose.yml", "docker-compose.monitoring.yml")


def test_without_a_platform_it_is_development(checkout: Checkout) -> None:
    assert not open_project(checkout.root).production
    assert open_project(checkout.root, production=True).production


def test_files_of_the_checkout_are_no_evidence(checkout: Checkout) -> None:
    (checkout.root / ".rofecare").mkdir()
    (checkout.root / ".rofecare" / "production.json").write_text('["rofecare"]')
    assert not open_project(checkout.root).production


def test_a_checkout_without_the_files_of_production_does_not_start_development(checkout: Checkout) -> None:
    mark(checkout)
    (checkout.folder / "docker-compose.prod.yml").unlink()
    with pytest.raises(SettingsError) as caught:
        open_project(checkout.root)
    assert "docker-compose.prod.yml is missing" in caught.value.details[0]
    with pytest.raises(SettingsError):
        open_for_stop(checkout.root, volumes=True)
    assert open_for_stop(checkout.root).unusable is not None


def test_without_an_answer_nothing_is_started_or_removed(checkout: Checkout) -> None:
    checkout.engine = Silent()
    with pytest.raises(EngineError):
        open_project(checkout.root)
    with pytest.raises(EngineError):
        open_for_stop(checkout.root, volumes=True)
    with pytest.raises(EngineError):
        open_for_init(checkout.root)


def test_without_an_answer_a_platform_counts_as_production(checkout: Checkout) -> None:
    checkout.engine = Silent()
    assert open_project(checkout.root, secrets_checked=False).production
    assert open_for_stop(checkout.root).production


def test_problems_of_the_settings_come_before_those_of_the_engine(checkout: Checkout) -> None:
    checkout.engine = Silent()
    checkout.write("A_PORT=abc\n")
    with pytest.raises(SettingsError):
        open_project(checkout.root)


def test_init_marks_a_platform_as_production_on_request_only(checkout: Checkout) -> None:
    initialise(open_for_init(checkout.root))
    assert not marker.exists(checkout.engine, "rofecare")
    initialise(open_for_init(checkout.root, production=True))
    found = marker.read(checkout.engine, "rofecare")
    assert found is not None
    assert found.state_folder == Path("/var/lib/rofecare/rofecare")
    initialise(open_for_init(checkout.root))
    assert marker.read(checkout.engine, "rofecare") == found


def test_the_marker_is_written_before_the_volumes(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise EngineError("no answer")

    monkeypatch.setattr("rofecare_infra.project.prepared.make_volumes", fail)
    with pytest.raises(EngineError):
        initialise(open_for_init(checkout.root, production=True))
    assert marker.exists(checkout.engine, "rofecare")
