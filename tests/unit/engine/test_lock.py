"""One holder at a time: a name that exists once, released by its holder, and replaced when the holder is dead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest
import requests

from rofecare_infra.engine import Engine, Holder, lock_of, locked, release, this_command
from rofecare_infra.engine.lock import LABEL_LOCK, name_of
from rofecare_infra.errors import CommandError, EngineError
from tests.support.fakes import FakeClock

PROJECT = "ward"
NAME = "rofecare-lock-ward"


def error(code: int) -> docker.errors.APIError:
    response = requests.Response()
    response.status_code = code
    kind = docker.errors.NotFound if code == 404 else docker.errors.APIError
    return kind(str(code), response=response)


@dataclass
class Api:
    """Containers by name, as the engine has them."""

    containers: dict[str, dict[str, Any]] = field(default_factory=dict)
    imported: list[tuple[object, ...]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    # Called before a request of this kind.
    before: dict[str, Callable[[], None]] = field(default_factory=dict)
    made: int = 0
    # Of the Swarm, where the engine is a manager of one: config -> its labels.
    configurations: dict[str, dict[str, str]] | None = None

    def info(self) -> dict[str, Any]:
        return {"Swarm": {"ControlAvailable": self.configurations is not None}}

    def services(self, **_options: object) -> list[dict[str, Any]]:
        return [{"ID": "s1"}]

    def configs(self, filters: dict[str, str]) -> list[dict[str, Any]]:
        assert self.configurations is not None
        named = [name for name in self.configurations if filters.get("name", "-") in name]
        return [{"ID": f"id-{name}", "Spec": {"Name": name, "Labels": self.configurations[name]}} for name in named]

    def create_config(self, name: str, data: bytes, *, labels: dict[str, str]) -> None:
        assert self.configurations is not None
        assert data
        if name in self.configurations:
            raise error(409)
        self.configurations[name] = labels

    def remove_config(self, identity: str) -> None:
        assert self.configurations is not None
        del self.configurations[identity.removeprefix("id-")]

    def import_image_from_data(self, data: bytes, repository: str, tag: str) -> None:
        self.imported.append((len(data), repository, tag))

    def create_container(self, image: str, command: list[str], *, name: str, labels: Any, **_options: object) -> None:
        self._happens("create")
        assert image == "rofecare/lock:1"
        assert command
        if not self.imported:
            raise error(404)
        if name in self.containers:
            raise error(409)
        self.made += 1
        self.containers[name] = {
            "Id": f"id-{self.made}",
            "Name": f"/{name}",
            "State": {"Status": "created"},
            "Config": {"Labels": labels},
        }

    def inspect_container(self, name: str) -> dict[str, Any]:
        self._happens("inspect")
        if name not in self.containers:
            raise error(404)
        return self.containers[name]

    def remove_container(self, container: str, **_options: object) -> None:
        self._happens("remove")
        names = [name for name, one in self.containers.items() if one["Id"] == container]
        if not names:
            raise error(404)
        self.removed.append(container)
        del self.containers[names[0]]

    def _happens(self, kind: str) -> None:
        self.before.pop(kind, lambda: None)()


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def engine(api: Api) -> Engine:
    return Engine(SimpleNamespace(api=api))  # type: ignore[arg-type]


def dead(command: str = "inv upgrade") -> Holder:
    """A holder on this machine, before it was started again."""
    one = this_command(command)
    return replace(one, process=replace(one.process, boot="earlier", machine="m"))


def elsewhere() -> Holder:
    one = this_command("inv restore")
    return replace(one, process=replace(one.process, host="other", machine="other", boot="other", pid=7))


def left_by(api: Api, holder: Holder) -> None:
    api.imported.append(())
    api.create_container("rofecare/lock:1", ["-"], name=NAME, labels={LABEL_LOCK: PROJECT, **holder.labels})


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with an id: the test may run on one without."""
    real = this_command("").process
    monkeypatch.setattr("rofecare_infra.engine.lock.this_process", lambda: replace(real, machine="m", boot="now"))


@contextmanager
def refused(*words: str) -> Iterator[None]:
    with pytest.raises(CommandError) as caught:
        yield
    message = f"{caught.value.what}\n{caught.value.seen}\n{caught.value.next_step}"
    for each in words:
        assert each in message


def test_the_lock_exists_while_it_is_held(api: Api, engine: Engine) -> None:
    holder = this_command("inv start-all --prod")
    with locked(engine, PROJECT, holder) as replaced:
        assert replaced is None
        found = lock_of(engine, PROJECT)
        assert found is not None
        assert found.holder == holder
        assert set(api.containers) == {NAME}
    assert api.containers == {}
    assert lock_of(engine, PROJECT) is None


def test_the_image_is_made_once(api: Api, engine: Engine) -> None:
    for _ in range(2):
        with locked(engine, PROJECT, this_command("inv init")):
            pass
    assert api.imported == [(10240, "rofecare/lock", "1")]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_it_is_released_after_an_error(api: Api, engine: Engine, error: type[BaseException]) -> None:
    with pytest.raises(error), locked(engine, PROJECT, this_command("inv init")):
        raise error
    assert api.containers == {}


def test_it_is_released_when_an_interruption_hides_the_answer_of_the_engine(api: Api, engine: Engine) -> None:
    create = api.create_container

    def interrupted(*arguments: Any, **options: Any) -> None:
        create(*arguments, **options)
        raise KeyboardInterrupt

    api.create_container = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt), locked(engine, PROJECT, this_command("inv init")):
        pass
    assert api.containers == {}


def test_a_second_command_is_refused_with_the_name_of_the_first(api: Api, engine: Engine) -> None:
    first = this_command("inv upgrade --to=v2")
    with locked(engine, PROJECT, first):
        one = first.process
        words = ("changing ward", "inv upgrade --to=v2", one.user, one.host, f"pid {one.pid}", first.since[:19])
        with refused(*words), locked(engine, PROJECT, this_command("inv stop-all")):
            pass
        assert lock_of(engine, PROJECT) is not None
    assert api.removed == ["id-1"]


def test_projects_have_locks_of_their_own(engine: Engine) -> None:
    one = this_command("inv start-all")
    with locked(engine, "ward", one), locked(engine, "clinic", one):
        pass


def test_a_dead_holder_is_replaced(api: Api, engine: Engine) -> None:
    holder = dead()
    left_by(api, holder)
    with locked(engine, PROJECT, this_command("inv start-all")) as replaced:
        assert replaced == holder
        assert api.removed == ["id-1"]
    assert api.containers == {}


def test_a_holder_elsewhere_is_not_replaced(api: Api, engine: Engine) -> None:
    left_by(api, elsewhere())
    with refused("host other, pid 7", "inv unlock --force"), locked(engine, PROJECT, this_command("inv init")):
        pass
    assert api.removed == []


def test_of_two_that_replace_a_dead_holder_one_is_refused(api: Api, engine: Engine) -> None:
    """The other one is faster: it has replaced the dead holder when this one removes it."""
    left_by(api, dead())

    def other() -> None:
        api.remove_container("id-1")
        left_by(api, this_command("inv stop-all"))

    api.before["remove"] = other
    with refused("inv stop-all"), locked(engine, PROJECT, this_command("inv start-all")):
        pass
    assert api.removed == ["id-1"]
    assert api.containers[NAME]["Id"] == "id-2"


def test_of_two_that_replace_a_dead_holder_the_faster_one_stays(api: Api, engine: Engine) -> None:
    """The other one comes between the removal of the dead holder and the new lock."""
    left_by(api, dead())

    def other() -> None:
        api.before["create"] = lambda: left_by(api, this_command("inv stop-all"))

    api.before["remove"] = other
    with refused("inv stop-all"), locked(engine, PROJECT, this_command("inv start-all")):
        pass
    assert api.removed == ["id-1"]


def test_one_that_is_just_released_is_tried_again(api: Api, engine: Engine) -> None:
    clock = FakeClock()
    left_by(api, this_command("inv stop-all"))
    api.before["inspect"] = api.containers.clear
    with locked(engine, PROJECT, this_command("inv start-all"), clock.clock):
        assert clock.slept == [0.2]


def test_the_name_of_another_container_is_an_error(api: Api, engine: Engine) -> None:
    clock = FakeClock()
    api.imported.append(())
    api.create_container("rofecare/lock:1", ["-"], name=NAME, labels={})
    with refused(f"the name {NAME} is taken"), locked(engine, PROJECT, this_command("inv init"), clock.clock):
        pass
    assert set(api.containers) == {NAME}


def test_damaged_labels_are_no_reason_to_replace_it(api: Api, engine: Engine) -> None:
    api.imported.append(())
    api.create_container("rofecare/lock:1", ["-"], name=NAME, labels={LABEL_LOCK: PROJECT, f"{LABEL_LOCK}.pid": "x"})
    with refused("inv unlock --force"), locked(engine, PROJECT, this_command("inv init")):
        pass


def test_an_engine_that_is_gone_at_the_end_does_not_hide_the_result(api: Api, engine: Engine) -> None:
    def gone() -> None:
        raise requests.ConnectionError

    with locked(engine, PROJECT, this_command("inv stop-all")):
        api.before["inspect"] = gone
    assert set(api.containers) == {NAME}


def test_a_request_that_is_refused_is_not_a_held_lock(api: Api, engine: Engine) -> None:
    def refuse() -> None:
        raise error(500)

    def gone() -> None:
        raise requests.ConnectionError

    api.before["create"] = refuse
    with pytest.raises(CommandError, match="refused a request"), locked(engine, PROJECT, this_command("inv init")):
        pass
    api.before["create"] = gone
    with pytest.raises(EngineError), locked(engine, PROJECT, this_command("inv init")):
        pass


def test_the_name_contains_the_project() -> None:
    assert name_of(PROJECT) == NAME


def test_of_a_stack_there_is_one_for_all_managers(api: Api, engine: Engine) -> None:
    api.configurations = {f"{NAME}-of-another": {}}
    other = Api(configurations=api.configurations)
    with locked(engine, PROJECT, this_command("inv deploy")):
        assert set(api.configurations) == {NAME, f"{NAME}-of-another"}
        with (
            refused("changing ward", "inv deploy"),
            locked(Engine(SimpleNamespace(api=other)), PROJECT, this_command("inv restore")),  # type: ignore[arg-type]
        ):
            pass
        assert set(api.configurations) == {NAME, f"{NAME}-of-another"}
        assert other.containers == {}
    assert (set(api.configurations), api.containers) == ({f"{NAME}-of-another"}, {})


def test_the_one_in_the_swarm_names_a_holder_on_another_manager(api: Api, engine: Engine) -> None:
    api.configurations = {NAME: {LABEL_LOCK: PROJECT, **elsewhere().labels}}
    with refused("inv restore", "inv unlock --force"), locked(engine, PROJECT, this_command("inv deploy")):
        pass
    found = lock_of(engine, PROJECT)
    assert found is not None
    assert found.shared
    release(engine, found)
    assert api.configurations == {}


def test_a_dead_holder_is_replaced_in_the_swarm_too(api: Api, engine: Engine) -> None:
    gone = dead()
    api.configurations = {NAME: {LABEL_LOCK: PROJECT, **gone.labels}}
    with locked(engine, PROJECT, this_command("inv deploy")) as replaced:
        assert replaced == gone
    assert api.configurations == {}
