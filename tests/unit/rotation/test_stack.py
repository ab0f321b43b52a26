"""The rotation of a secret on a stack: each service gets another secret of the Swarm."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra import swarm
from rofecare_infra.engine import Container, StackEngine
from rofecare_infra.errors import CommandError, ServiceFailedError
from rofecare_infra.rotation.rotate import journal_of, rotate
from tests.support.fakes import container
from tests.support.rotations import OLD, Redis, Server, World


class Stack(StackEngine):
    """The replicas of a stack, and the content of the secret that each service has."""

    def __init__(self, services: Collection[str]) -> None:
        self._tasks = {}
        self.replicas = dict.fromkeys(services, 1)
        self.content = dict.fromkeys(services, OLD)
        # In this order.
        self.renewed: list[str] = []
        self.failing = ""

    def containers(self, project: str) -> tuple[Container, ...]:
        assert project
        return tuple(container(name) for name, count in self.replicas.items() for _ in range(count))

    def containers_of(self, project: str, services: Collection[str]) -> tuple[Container, ...]:
        return tuple(one for one in self.containers(project) if one.service in services)

    def scale(self, project: str, replicas: Mapping[str, int]) -> None:
        assert project
        self.replicas |= replicas

    def renew(self, _engine: object, _project: str, key: bytes, file: tuple[str, Path], services: list[str]) -> None:
        """As that of the room swarm."""
        assert key
        for name in services:
            content = file[1].read_text()
            if name == self.failing and content != OLD:
                raise CommandError(f"{name} fails")
            if self.content[name] != content:
                self.renewed.append(name)
            self.content[name] = content


def world(root: Path, monkeypatch: pytest.MonkeyPatch, server: type[Server]) -> tuple[World, Stack]:
    found = World(root, server)
    found.settings.state_folder.mkdir(exist_ok=True)
    stack = Stack([one.name for one in found.project.platform.services])
    monkeypatch.setattr(swarm.secrets, "renew", stack.renew)
    monkeypatch.setattr(sys.modules[rotate.__module__], "others", lambda *_: ())
    found.project = replace(found.project, connect=lambda: stack, stack=True)
    return found, stack


@pytest.mark.parametrize("server", [Server, Redis])
def test_the_users_first_then_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: type[Server]) -> None:
    found, stack = world(tmp_path, monkeypatch, server)
    if server is Redis:
        # It accepts both until it starts again.
        monkeypatch.setattr(Redis, "_takes", lambda _self, password: password == found.file.read_text())
    report = found.rotate()
    new = found.file.read_text()
    assert new != OLD
    assert stack.content == dict.fromkeys(stack.content, new)
    assert stack.renewed == ["app", "web", "db"]
    assert set(report.restarted) == {"app", "web", "db"}
    assert journal_of(found.settings).read() is None


@pytest.mark.parametrize("failing", ["app", "db"])
def test_what_fails_is_rolled_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    found, stack = world(tmp_path, monkeypatch, Server)
    stack.failing = failing
    with pytest.raises(CommandError, match=f"db_password was not changed: {failing} fails"):
        found.rotate()
    assert stack.content == dict.fromkeys(stack.content, OLD)
    assert found.as_before()


def test_a_server_that_does_not_set_the_old_secret_again_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, stack = world(tmp_path, monkeypatch, Server)
    stack.failing = "app"
    renew = stack.renew

    def deaf(*words: object) -> None:
        found.server.deaf = True
        renew(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(swarm.secrets, "renew", deaf)
    with pytest.raises(ServiceFailedError, match="neither be changed nor rolled back") as caught:
        found.rotate()
    assert caught.value.next_step
