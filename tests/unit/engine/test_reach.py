"""The way to the engine of each node, and what an engine says about itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from rofecare_infra.engine import reach
from rofecare_infra.engine.reach import HERE, Reach, asked, reach_of
from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result
from tests.support.swarm import node

INFO = {"SecurityOptions": ["name=no-new-privileges"], "DockerRootDir": "/", "DriverStatus": [["Backing", "extfs"]]}


class Programs:
    """Answers instead of programs, by the words of the command; None: it fails."""

    def __init__(self, **answers: str | None) -> None:
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        self.commands: list[str] = []

    def __call__(self, argv: Sequence[str], **options: Any) -> Result:
        line = " ".join(argv)
        self.commands.append(line)
        answer = next(answer for words, answer in self.answers.items() if words in line)
        if answer is None and options.get("check", True):
            raise CommandError(line, seen="exit code 1", details=["a banner", "no route to host"])
        return Result(tuple(argv), 0 if answer is not None else 1, answer or "", "")


def test_its_own_engine_a_context_or_ssh() -> None:
    contexts = {"node2": "unix:///two.sock", "default": "unix:///var/run/docker.sock"}
    assert reach_of(node(), "id-node1", contexts) == HERE
    assert reach_of(node("node2"), "id-node1", contexts) == Reach(("docker", "--context", "node2"), "unix:///two.sock")
    assert reach_of(node("node3"), "id-node1", contexts).words == ("docker", "--host", "ssh://10.0.0.3")
    assert reach_of(node("node3", address="fd00::3"), "", {}).address == "ssh://[fd00::3]"


def test_what_engines_report(monkeypatch: pytest.MonkeyPatch) -> None:
    ways = {"node1": HERE, "node2": Reach(("docker", "--context", "node2"), "ssh://node2")}
    programs = Programs(docker_info=json.dumps(INFO), context=json.dumps({}), df_="Avail\n1000\n")
    monkeypatch.setattr(reach, "run", programs)
    found, silent = asked([node(), node("node2")], ways)
    assert silent == {}
    first, second = (one.facts for one in found)
    assert first is not None
    assert second is not None
    assert first.free_disk is not None
    assert first.skips_layers
    assert not second.no_new_privileges
    assert second.free_disk == 1000


def test_an_engine_that_does_not_answer_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "run", Programs(docker_info=None))
    found, silent = asked([node()], {"node1": HERE})
    assert silent == {"node1": "no route to host"}
    assert found[0].facts is None


def test_a_node_that_is_down_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs(docker_info=json.dumps(INFO))
    monkeypatch.setattr(reach, "run", programs)
    found, silent = asked([node(), node("node2", state="down")], {"node1": HERE, "node2": HERE})
    assert silent == {"node2": "the node is down"}
    assert [one.facts is None for one in found] == [False, True]
    assert len(programs.commands) == 1


def test_a_disk_that_only_its_own_machine_can_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "run", Programs(docker=json.dumps(INFO), df_="df: /data: No such file"))
    for way in (Reach(("docker",), "tcp://node2:2376"), Reach(("docker",), "ssh://node2")):
        found, _ = asked([node()], {"node1": way})
        assert found[0].facts is not None
        assert found[0].facts.free_disk is None


def test_the_contexts_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"Name": "default", "DockerEndpoint": "unix:///a"}, {"Name": "node2", "DockerEndpoint": "ssh://b"}]
    monkeypatch.setattr(reach, "run", Programs(context_ls="\n".join(map(json.dumps, lines))))
    assert reach.contexts() == {"default": "unix:///a", "node2": "ssh://b"}
