"""What prevents a deployment, before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.engine import Facts, Node
from rofecare_infra.errors import EngineError
from rofecare_infra.swarm.deploy import _referred
from rofecare_infra.swarm.plan import refused_settings, require_no_new_privileges
from tests.support.fakes import settings


@pytest.mark.parametrize(
    ("values", "count", "refused"),
    [
        ({}, 1, ["no TLS_HOST"]),
        ({"CLEAR_TEXT": "accepted"}, 3, []),
        ({"TLS_HOST": "his.example", "TLS_ISSUER": "internal"}, 1, []),
        ({"TLS_HOST": "his.example", "TLS_ISSUER": "internal"}, 2, ["TLS_ISSUER=internal on 2 nodes"]),
        ({"TLS_HOST": "his.example", "TLS_ISSUER": "files"}, 2, []),
    ],
)
def test_settings(values: dict[str, str], count: int, refused: list[str]) -> None:
    found = [seen.partition(":")[0] for seen, _ in refused_settings(settings(Path("/"), **values), count)]
    assert found == refused


def node(name: str, *, denies: bool) -> Node:
    return Node(
        name, name, "10.0.0.1", "manager", "ready", "active", facts=Facts(denies, skips_layers=True, folder="/")
    )


def test_engines_that_permit_new_privileges_are_named() -> None:
    require_no_new_privileges([node("a", denies=True)])
    with pytest.raises(EngineError, match="b, c would let programs gain privileges"):
        require_no_new_privileges([node("a", denies=True), node("b", denies=False), node("c", denies=False)])


def test_what_a_rollback_needs_is_kept() -> None:
    def spec(config: str, secret: str) -> dict[str, object]:
        container = {"Configs": [{"ConfigID": config}], "Secrets": [{"SecretID": secret}]}
        return {"TaskTemplate": {"ContainerSpec": container}}

    services: list[dict[str, Any]] = [
        {"Spec": spec("c2", "s2"), "PreviousSpec": spec("c1", "s1")},
        {"Spec": {"TaskTemplate": {}}},
    ]
    assert _referred(services) == {"c1", "c2", "s1", "s2"}
