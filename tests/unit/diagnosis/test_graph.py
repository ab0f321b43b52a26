"""The first cause among services that need each other."""

from __future__ import annotations

import pytest

from rofecare_infra.diagnosis import Root, first_cause

NEEDS = {
    "kafka": ["zookeeper"],
    "patient": ["kafka", "patient-db", "config"],
    "finance": ["kafka", "config"],
    "gateway": ["discovery"],
    "discovery": ["config"],
}


@pytest.mark.parametrize(
    ("name", "unready", "expected"),
    [
        ("patient", ["patient"], Root("patient")),
        ("patient", ["patient", "finance", "kafka"], Root("kafka", ("patient", "finance"))),
        ("patient", ["patient", "finance", "kafka", "zookeeper"], Root("zookeeper", ("patient", "finance", "kafka"))),
        ("gateway", ["gateway", "config", "patient"], Root("config", ("gateway", "patient"))),
        ("patient", ["patient", "patient-db", "kafka"], Root("patient-db", ("patient",))),
        ("finance", ["finance", "patient-db", "patient"], Root("finance")),
        ("alone", ["alone", "kafka"], Root("alone")),
    ],
)
def test_what_needs_nothing_unready_is_the_first_cause(name: str, unready: list[str], expected: Root) -> None:
    assert first_cause(name, unready, NEEDS) == expected


def test_a_circle_ends() -> None:
    assert first_cause("a", ["a", "b"], {"a": ["b"], "b": ["a"]}) == Root("a", ("b",))
