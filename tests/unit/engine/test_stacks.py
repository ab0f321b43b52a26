"""The definition of a service is written back as a deployment would write it."""

from __future__ import annotations

from typing import Any

from rofecare_infra.engine.stacks import StackRequests
from tests.support.stacks import service


class Api:
    """Remembers what a service was replaced by."""

    def __init__(self) -> None:
        self.found = service(2, Version={"Index": 7})
        self.found["Spec"]["TaskTemplate"]["ContainerSpec"]["DNSConfig"] = {}
        self.found["Spec"]["UpdateConfig"] = {"Order": "start-first"}
        self.updates: list[dict[str, Any]] = []

    def inspect_service(self, name: str) -> dict[str, Any]:
        assert name == "his_db"
        return self.found

    def update_service(self, identity: str, version: int, **spec: Any) -> None:
        assert (identity, version) == ("s1", 7)
        self.updates.append(spec)


def test_everything_else_of_a_service_stays() -> None:
    requests, api = StackRequests(), Api()
    requests._api = api  # type: ignore[assignment]
    requests.update_service("his_db", lambda found: {**found["Spec"], "Mode": {"Replicated": {"Replicas": 0}}})
    (spec,) = api.updates
    template = api.found["Spec"]["TaskTemplate"]["ContainerSpec"]
    assert spec["mode"] == {"Replicated": {"Replicas": 0}}
    assert (spec["name"], spec["labels"]) == ("his_db", api.found["Spec"]["Labels"])
    assert spec["update_config"] == {"Order": "start-first"}
    # An empty one is what a manager shows where a deployment wrote none: the next deployment would restart the service.
    assert spec["task_template"]["ContainerSpec"] == {
        key: value for key, value in template.items() if key != "DNSConfig"
    }
    requests.update_service("his_db", lambda _found: None)
    assert len(api.updates) == 1
