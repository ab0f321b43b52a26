"""Whether the kernels of the nodes can encrypt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from rofecare_infra.engine import Reach
from rofecare_infra.errors import EngineError
from rofecare_infra.process import Result
from rofecare_infra.swarm import encryption
from tests.support.fakes import drain

ANSWERS = {"able": ("yes\n", ""), "unable": ("no\n", ""), "silent": ("", "no route to host")}


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    asked: list[list[str]] = []

    def run(argv: Sequence[str], **_: Any) -> Result:
        asked.append(list(argv))
        stdout, stderr = ANSWERS[argv[2]]
        return Result(tuple(argv), int(not stdout), stdout, stderr)

    monkeypatch.setattr("rofecare_infra.engine.reach.run", run)
    return asked


def ways(*nodes: str) -> dict[str, Reach]:
    return {node: Reach(("docker", "--context", node)) for node in nodes}


def test_each_node_is_asked_with_an_image_that_it_has(commands: list[list[str]]) -> None:
    drain(encryption.require({"able": ("app:1", "db:1"), "empty": ()}, ways("able", "empty")))
    (asked,) = commands
    assert asked[:4] == ["docker", "--context", "able", "run"]
    assert "app:1" in asked


@pytest.mark.parametrize(("node", "seen"), [("unable", "a kernel without ESP"), ("silent", "no route to host")])
def test_a_node_that_cannot_or_does_not_answer_is_named(node: str, seen: str) -> None:
    with pytest.raises(EngineError, match=f"{node} cannot encrypt") as caught:
        drain(encryption.require({"able": ("app:1",), node: ("app:1",)}, ways("able", node)))
    assert caught.value.seen == seen
    assert "CLEAR_TEXT=accepted" in caught.value.next_step
