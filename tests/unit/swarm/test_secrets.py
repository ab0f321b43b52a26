"""A new content of a secret reaches the services that use it, and changes nothing else of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.engine import StackEngine
from rofecare_infra.errors import CommandError
from rofecare_infra.swarm import names, secrets
from tests.support.stacks import service

KEY = b"key"


def name_of(content: bytes, name: str = "db_password") -> str:
    return names.name_of(KEY, "his", "secrets", name, content)


def mounted(unique: str, target: str = "password") -> dict[str, Any]:
    file = {"Name": target, "UID": "0", "GID": "0", "Mode": 0o444}
    return {"SecretName": unique, "SecretID": f"id-{unique}", "File": file}


class Stored(StackEngine):
    """A stack of one service with two secrets."""

    def __init__(self) -> None:
        self.described = service(2)
        self.put([mounted(name_of(b"other", "db_password_of_another"), "a"), mounted(name_of(b"old"))])
        self.there = {name_of(b"old"): "id-old"}
        self.updates = 0

    def put(self, found: list[dict[str, Any]]) -> None:
        """Give the service these secrets."""
        self.described["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"] = found

    @property
    def secrets(self) -> dict[str, str]:
        """Its secrets by their targets."""
        found = self.described["Spec"]["TaskTemplate"]["ContainerSpec"]["Secrets"]
        assert [one["SecretName"] for one in found] == sorted(one["SecretName"] for one in found)
        return {one["File"]["Name"]: one["SecretName"] for one in found}

    def stack_services(self, project: str) -> tuple[dict[str, Any], ...]:
        assert project == "his"
        return (self.described,)

    def stack_objects(self, kind: str, project: str) -> dict[str, str]:
        assert (kind, project) == ("secrets", "his")
        return self.there

    def create_stack_object(self, kind: str, project: str, name: str, content: bytes) -> None:
        assert (kind, project) == ("secrets", "his")
        self.there[name] = f"id-{content.decode()}"

    def update_service(self, service: str, changed: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]) -> None:
        assert service == "s1"
        spec = changed(self.described)
        if spec is not None:
            self.updates += 1
            self.described = {**self.described, "Spec": spec}


@pytest.fixture
def engine() -> Stored:
    return Stored()


def test_there_and_back(engine: Stored, tmp_path: Path) -> None:
    file = tmp_path / "db_password"
    for content in (b"new", b"new", b"old"):
        file.write_bytes(content)
        secrets.renew(engine, "his", KEY, ("db_password", file), {"db"})
        assert engine.secrets["password"] == name_of(content)
        assert engine.secrets["a"] == name_of(b"other", "db_password_of_another")
    assert engine.there[name_of(b"new")] == "id-new"
    assert engine.updates == 2, "what has the content is left alone"


def test_other_services_are_left_alone(engine: Stored, tmp_path: Path) -> None:
    (tmp_path / "db_password").write_bytes(b"new")
    secrets.renew(engine, "his", KEY, ("db_password", tmp_path / "db_password"), {"app"})
    assert engine.updates == 0


def test_what_the_swarm_has_given_up_is_updated_once_more(engine: Stored, tmp_path: Path) -> None:
    (tmp_path / "db_password").write_bytes(b"old")
    engine.described["UpdateStatus"] = {"State": "rollback_completed"}
    secrets.renew(engine, "his", KEY, ("db_password", tmp_path / "db_password"), {"db"})
    assert engine.described["Spec"]["TaskTemplate"]["ForceUpdate"] == 1


def test_a_service_without_the_secret_is_named(engine: Stored, tmp_path: Path) -> None:
    (tmp_path / "jwt").write_bytes(b"new")
    with pytest.raises(CommandError, match="db does not have the secret") as caught:
        secrets.renew(engine, "his", KEY, ("jwt", tmp_path / "jwt"), {"db"})
    assert caught.value.next_step.startswith("inv deploy")
