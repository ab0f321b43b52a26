"""What a manager answers about nodes and tasks, as records."""

from __future__ import annotations

from typing import Any

import pytest

from rofecare_infra.engine import Engine, facts_of
from rofecare_infra.engine.nodes import node_of
from rofecare_infra.errors import CommandError

Json = dict[str, Any]


def described(**more: object) -> Json:
    return {
        "ID": "abc",
        "Version": {"Index": 7},
        "Spec": {"Role": "manager", "Availability": "active", "Labels": {"zone": "a"}},
        "Description": {
            "Hostname": "node1",
            "Resources": {"NanoCPUs": 2_000_000_000, "MemoryBytes": 1024},
            "Engine": {"EngineVersion": "26.1.5"},
        },
        "Status": {"State": "ready", "Addr": "0.0.0.0"},  # noqa: S104
        "ManagerStatus": {"Leader": True, "Addr": "10.77.0.1:2377"},
        **more,
    }


class Api:
    """The requests of a manager, without one."""

    def __init__(self, refusals: int = 0) -> None:
        self.node = described()
        self.refusals = refusals
        self.written: list[Json] = []

    def inspect_node(self, _id: str) -> Json:
        return self.node

    def update_node(self, _id: str, version: int, spec: Json) -> None:
        import docker.errors

        assert version == 7
        if self.refusals:
            self.refusals -= 1
            raise docker.errors.APIError("", explanation="rpc error: update out of sequence")
        self.written.append(spec)

    def services(self, filters: Json) -> list[Json]:
        assert filters == {"label": "com.docker.stack.namespace=p"}
        return [{"ID": "s1", "Spec": {"Name": "p_db"}}, {"ID": "s2", "Spec": {"Name": "p_app"}}]

    def tasks(self, filters: Json) -> list[Json]:
        assert filters["desired-state"] == "running"
        states = [("s1", "running"), ("s2", "running"), ("s2", "starting"), ("removed", "running")]
        return [{"ServiceID": name, "NodeID": "abc", "Status": {"State": state}} for name, state in states]

    def inspect_service(self, service: str) -> Json:
        import docker.errors

        if service == "absent":
            raise docker.errors.NotFound("")
        return {"Spec": {"TaskTemplate": {"ContainerSpec": {"Configs": [{"ConfigName": "one"}]}}}}

    def info(self) -> Json:
        return {"Swarm": {"LocalNodeState": "active", "ControlAvailable": True, "NodeID": "abc"}}


class Manager(Engine):
    def __init__(self, api: Api) -> None:
        self._api: Any = api


def test_the_address_of_a_manager_is_that_by_which_others_know_it() -> None:
    found = node_of(described())
    assert (found.address, found.role, found.memory, found.cpus) == ("10.77.0.1", "manager", 1024, 2.0)
    worker = described(ManagerStatus=None, Status={"State": "down", "Addr": "10.77.0.2"})
    assert node_of(worker).address == "10.77.0.2"
    assert not node_of(worker).is_usable
    six = described(ManagerStatus={"Addr": "[fd00::1]:2377"})
    assert node_of(six).address == "fd00::1"
    assert node_of({"ID": "abc", "Spec": {}}).hostname == "abc"


def test_other_labels_stay_and_a_node_that_changed_meanwhile_is_read_again() -> None:
    api = Api(refusals=2)
    Manager(api).label_node("abc", {"db": "true", "absent": None})
    assert [spec["Labels"] for spec in api.written] == [{"zone": "a", "db": "true"}]
    Manager(api).label_node("abc", {"zone": None})
    assert "zone" not in api.written[-1]["Labels"]
    with pytest.raises(CommandError):
        Manager(Api(refusals=9)).label_node("abc", {"db": "true"})


def test_only_tasks_that_run_count() -> None:
    assert Manager(Api()).running_tasks("p") == (("app", "abc"), ("db", "abc"))


def test_the_configs_of_a_service() -> None:
    assert Manager(Api()).configs_of("p_db") == ("one",)
    assert Manager(Api()).configs_of("absent") == ()


def test_the_part_in_a_swarm() -> None:
    found = Manager(Api()).membership()
    assert (found.state, found.is_manager, found.node_id) == ("active", True, "abc")


def test_what_an_engine_says_about_itself() -> None:
    info = {"SecurityOptions": ["name=seccomp", "name=no-new-privileges"], "DockerRootDir": "/d"}
    assert facts_of(info).no_new_privileges
    assert facts_of(info).skips_layers
    other = facts_of({"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]})
    assert not other.skips_layers
    assert not other.no_new_privileges
