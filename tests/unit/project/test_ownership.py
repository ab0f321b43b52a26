"""Another stack with the name of the project is neither started over nor removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.engine import LABEL_CONFIG_FILES, Container
from rofecare_infra.errors import SettingsError
from rofecare_infra.platform import LABEL_PHASE, LABEL_VOLUME_OF, Platform
from rofecare_infra.project import require_own
from tests.support.fakes import FakeEngine, container, service

FOLDER = Path("/srv/checkout/docker")
PLATFORM = Platform("shop", (service("db"), service("mine", "other")), volumes={"db-data": "shop_db-data"})


def made(name: str, phase: str = "", files: str = "/srv/other/compose.yml") -> Container:
    return container(name, labels={**({LABEL_PHASE: phase} if phase else {}), LABEL_CONFIG_FILES: files})


def refused(engine: FakeEngine, **what: bool) -> str:
    with pytest.raises(SettingsError) as caught:
        require_own(PLATFORM, engine, FOLDER, **what)
    assert "shop" in caught.value.what
    assert "COMPOSE_PROJECT_NAME" in caught.value.next_step
    return caught.value.seen


OWN = made("db", "infrastructure", f"{FOLDER}/docker-compose.yml")


@pytest.mark.parametrize("what", [{}, {"starts": True}, {"removes_volumes": True}])
def test_a_foreign_stack_prevents_everything(what: dict[str, bool]) -> None:
    assert refused(FakeEngine([made("web")]), **what).startswith("container rofecare-web-1:")


@pytest.mark.parametrize("removes_volumes", [True, False])
def test_a_foreign_container_beside_own_ones_prevents_a_stop(*, removes_volumes: bool) -> None:
    seen = refused(FakeEngine([OWN, made("web")]), removes_volumes=removes_volumes)
    assert seen.startswith("container rofecare-web-1:")


def test_a_start_goes_on_beside_a_foreign_container_that_it_does_not_replace() -> None:
    engine = FakeEngine([made("mine", "infrastructure", f"{FOLDER}/docker-compose.yml"), made("web")])
    require_own(PLATFORM, engine, FOLDER, starts=True)
    engine.present.append(made("db"))
    assert refused(engine, starts=True).startswith("container rofecare-db-1:")


def test_a_foreign_service_with_the_name_of_one_of_ours_is_foreign() -> None:
    assert "rofecare-db-1" in refused(FakeEngine([made("db")]))


@pytest.mark.parametrize(
    "own",
    [
        made("db", "infrastructure"),
        made("mine"),
        made("old", "business"),
        made("gone", files=f"{FOLDER}/docker-compose.yml,{FOLDER}/docker-compose.override.yml"),
    ],
    ids=["of a phase", "of an override file", "of an earlier version", "no longer in the override file"],
)
def test_own_containers(own: Container) -> None:
    require_own(PLATFORM, FakeEngine([own]), FOLDER, removes_volumes=True)


def test_one_from_the_files_of_another_checkout_of_this_software() -> None:
    files = "/home/other/rofecare/docker/docker-compose.yml"
    engine = FakeEngine([made("db", "infrastructure", files), made("gone", files=files)])
    require_own(PLATFORM, engine, FOLDER, removes_volumes=True)


def test_volumes_of_a_foreign_stack() -> None:
    engine = FakeEngine()
    engine.volume_names = ["shop_orders"]
    assert "volume shop_orders" in refused(engine, removes_volumes=True)
    assert "volume shop_orders" in refused(engine, starts=True)
    # A stop has nothing to remove.
    require_own(PLATFORM, engine, FOLDER)


def test_a_volume_that_the_compose_files_no_longer_have_prevents_only_a_removal() -> None:
    engine = FakeEngine()
    engine.volume_names = ["shop_orders", "shop_db-data"]
    require_own(PLATFORM, engine, FOLDER, starts=True)
    assert refused(engine, removes_volumes=True).startswith("volume shop_orders:")


def test_own_volumes() -> None:
    engine = FakeEngine()
    engine.volume_names = ["shop_db-data", "other_orders"]
    engine.labels["shop_production_x"] = {LABEL_VOLUME_OF: "shop"}
    require_own(PLATFORM, engine, FOLDER, starts=True, removes_volumes=True)
