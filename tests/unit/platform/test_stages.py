"""In which order services start."""

from __future__ import annotations

import pytest

from rofecare_infra.platform import LAST_PHASE, Platform, levels_of
from tests.support.fakes import service


@pytest.mark.parametrize(
    ("needs", "levels"),
    [
        ({}, {}),
        ({"a": []}, {"a": 0}),
        ({"a": [], "b": ["a"], "c": ["b", "a"]}, {"a": 0, "b": 1, "c": 2}),
        ({"c": ["b"], "b": ["a"], "a": []}, {"a": 0, "b": 1, "c": 2}),
        ({"a": ["elsewhere"]}, {"a": 0}),
        ({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, {"a": 0, "b": 1, "c": 1, "d": 2}),
    ],
)
def test_levels(needs: dict[str, list[str]], levels: dict[str, int]) -> None:
    assert levels_of(needs) == levels


def test_a_circle_ends() -> None:
    assert set(levels_of({"a": ["b"], "b": ["a"]})) == {"a", "b"}


PLATFORM = Platform(
    "p",
    (
        service("gateway", "spring-cloud", depends_on=("config", "redis")),
        service("config", "spring-cloud"),
        service("redis", "infrastructure"),
        service("kafka", "infrastructure", depends_on=("zookeeper",)),
        service("zookeeper", "infrastructure"),
        service("mine", LAST_PHASE),
        service("patient", "business", depends_on=("gateway",)),
        service("scaled-to-nothing", "business", replicas=0),
    ),
)


def test_phases_in_their_order_and_dependencies_inside() -> None:
    assert [(stage.phase, stage.names) for stage in PLATFORM.stages()] == [
        ("infrastructure", ("redis", "zookeeper")),
        ("infrastructure", ("kafka",)),
        ("spring-cloud", ("config",)),
        ("spring-cloud", ("gateway",)),
        ("business", ("patient",)),
        (LAST_PHASE, ("mine",)),
    ]


def test_only_the_phases_that_are_asked_for() -> None:
    assert [stage.names for stage in PLATFORM.stages(["infrastructure"])] == [("redis", "zookeeper"), ("kafka",)]
    assert PLATFORM.stages([]) == ()


def test_a_service_by_name() -> None:
    assert PLATFORM.service("redis").phase == "infrastructure"
    with pytest.raises(KeyError):
        PLATFORM.service("nobody")
