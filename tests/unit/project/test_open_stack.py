"""A command that does not expect a stack of a Swarm is refused; one that does works on it as on production."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from rofecare_infra.engine import Membership, StackEngine
from rofecare_infra.errors import SettingsError, UsageError
from rofecare_infra.project import open_for_init, open_for_stop, open_project
from tests.support.checkout import Checkout
from tests.support.fakes import FakeEngine


class Manager(FakeEngine):
    """A manager of a Swarm, on which data may be recorded."""

    def __init__(self) -> None:
        super().__init__()
        self._api = cast("Any", None)
        self.data: dict[str, Mapping[str, str]] = {}

    def membership(self) -> Membership:
        return Membership("active", is_manager=True, node_id="n1")

    def configs(self, label: str) -> dict[str, Mapping[str, str]]:
        assert label == "com.rofecare.data.project=rofecare"
        return self.data


@pytest.fixture
def engine() -> Manager:
    return Manager()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Manager) -> Checkout:
    made = Checkout(tmp_path, monkeypatch)
    for name in ("prod", "swarm"):
        (made.folder / f"docker-compose.{name}.yml").write_text("services: {}")
    made.engine = engine
    # A stack has no containers of compose, and this one no tasks.
    monkeypatch.setattr(StackEngine, "containers", lambda _self, _project: ())
    return made


def test_a_stack_is_refused_unless_the_command_expects_it(checkout: Checkout, engine: Manager) -> None:
    engine.stack = [{"ID": "1"}, {"ID": "2"}]
    for opened in (open_project, open_for_init):
        with pytest.raises(UsageError) as caught:
            opened(checkout.root)
        assert caught.value.seen == "rofecare is a stack of 2 services"
    for project in (open_project(checkout.root, secrets_checked=False, stack=None), open_for_stop(checkout.root)):
        assert project.stack
        assert project.production
        assert isinstance(project.engine, StackEngine)
        assert project.compose.files[-1] == "docker-compose.swarm.yml"


def test_a_stack_that_is_stopped_is_refused_by_its_data(checkout: Checkout, engine: Manager) -> None:
    engine.data = {"rofecare-data-db": {}}
    with pytest.raises(UsageError) as caught:
        open_project(checkout.root)
    assert "rofecare-data-db" in caught.value.seen
    assert open_for_stop(checkout.root).stack


def test_a_stack_is_not_stopped_by_settings_that_cannot_be_used(checkout: Checkout, engine: Manager) -> None:
    (checkout.root / ".env").write_text("GATE_TIMEOUT=soon\n")
    assert open_for_stop(checkout.root).unusable is not None
    engine.stack = [{"ID": "1"}]
    with pytest.raises(SettingsError):
        open_for_stop(checkout.root)


def test_without_a_stack_everything_is_as_on_one_server(checkout: Checkout) -> None:
    for project in (open_project(checkout.root), open_project(checkout.root, stack=None)):
        assert not project.stack
        assert not isinstance(project.engine, StackEngine)
    assert open_project(checkout.root, secrets_checked=False, stack=True).stack


def test_another_release_restarts_only_what_it_changes(checkout: Checkout) -> None:
    project = open_project(checkout.root, secrets_checked=False, stack=True)
    assert project.compose.variables["RELEASE"] == ""
