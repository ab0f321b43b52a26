"""The engine that the docker command talks to is the one that is asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import requests

from rofecare_infra.engine import connect
from rofecare_infra.engine.context import address
from rofecare_infra.errors import CommandError, EngineError
from rofecare_infra.process import Result

HOST = "unix:///srv/other.sock"


class DockerCommand:
    """Replaces the docker command: records the requested contexts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: object) -> None:
        self.asked: list[str] = []
        self.answer = answer
        monkeypatch.setattr(sys.modules["rofecare_infra.engine.context"], "run", self.run)

    def run(self, argv: list[str], **_options: Any) -> Result:
        self.asked.append(argv[-1])
        if isinstance(self.answer, CommandError):
            raise self.answer
        return Result((), 0, json.dumps(self.answer), "")


def described(**more: object) -> list[dict[str, object]]:
    return [{"Name": "other", "Endpoints": {"docker": {"Host": HOST}}, **more}]


@pytest.fixture
def docker_command(monkeypatch: pytest.MonkeyPatch) -> DockerCommand:
    return DockerCommand(monkeypatch, described(TLSMaterial={}))


def home(folder: Path, config: str) -> dict[str, str]:
    (folder / ".docker").mkdir()
    (folder / ".docker" / "config.json").write_text(config)
    return {"HOME": str(folder)}


def test_nothing_is_run_where_nothing_was_chosen(docker_command: DockerCommand, tmp_path: Path) -> None:
    environ = home(tmp_path, '{"auths": {}}')
    assert address(environ) == ""
    assert address({"HOME": str(tmp_path / "nowhere")}) == ""
    assert address({**environ, "DOCKER_CONTEXT": "default"}) == ""
    assert address({**environ, "DOCKER_CONTEXT": "other", "DOCKER_HOST": "tcp://here"}) == ""
    assert docker_command.asked == []


@pytest.mark.parametrize("config", ["", "[]", "{", '{"currentContext": null}', '{"currentContext": "default"}'])
def test_a_configuration_that_chooses_nothing(docker_command: DockerCommand, tmp_path: Path, config: str) -> None:
    assert address(home(tmp_path, config)) == ""
    assert docker_command.asked == []


def test_the_chosen_context(docker_command: DockerCommand, tmp_path: Path) -> None:
    environ = home(tmp_path, '{"currentContext": "used"}')
    assert address(environ) == HOST
    assert address({"DOCKER_CONFIG": str(tmp_path / ".docker")}) == HOST
    assert address({**environ, "DOCKER_CONTEXT": "set", "DOCKER_HOST": ""}) == HOST
    assert docker_command.asked == ["used", "used", "set"]


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (CommandError("failed", seen="exit code 1", details=['context "x": not found']), 'context "x": not found'),
        (CommandError("cannot run docker", seen="No such file"), "No such file"),
        ([], "prints no address"),
        ([{"Endpoints": {}}], "prints no address"),
        (described(TLSMaterial={"docker": ["ca.pem"]}), f"{HOST} requires certificates"),
    ],
)
def test_a_context_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, answer: object, seen: str) -> None:
    DockerCommand(monkeypatch, answer)
    with pytest.raises(EngineError) as caught:
        address({"DOCKER_CONTEXT": "x"})
    assert seen in caught.value.seen
    assert "set DOCKER_HOST" in caught.value.next_step


@pytest.mark.usefixtures("docker_command")
def test_its_engine_is_asked_and_named_when_it_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    asked: list[str] = []

    def client(base_url: str, **_options: object) -> SimpleNamespace:
        asked.append(base_url)
        if len(asked) > 1:
            raise requests.ConnectionError("Connection refused")
        return SimpleNamespace(api=SimpleNamespace(), version=lambda: {"Version": "26.1.5"})

    monkeypatch.setattr(docker, "DockerClient", client)
    connect()
    with pytest.raises(EngineError) as caught:
        connect()
    assert asked == [HOST, HOST]
    assert caught.value.seen.endswith(f"at {HOST}")


def test_an_engine_behind_ssh_is_refused_before_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://root@host")
    with pytest.raises(EngineError) as caught:
        connect()
    assert caught.value.seen == "an address of ssh: ssh://root@host"


def test_so_is_a_context_with_such_an_address(docker_command: DockerCommand, monkeypatch: pytest.MonkeyPatch) -> None:
    docker_command.answer = [{"Name": "far", "Endpoints": {"docker": {"Host": "ssh://host"}}}]
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONTEXT", "far")
    with pytest.raises(EngineError, match="another machine"):
        connect()
