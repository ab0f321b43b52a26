"""Which chain of services determined the duration of a start."""

from __future__ import annotations

import random

import pytest

from rofecare_infra.history import ServiceStart, critical_path
from tests.support.starts import BEGAN, PLATFORM, begun


def path_of(*services: ServiceStart) -> list[tuple[str, float]]:
    return [(step.service.name, step.seconds) for step in critical_path(services, BEGAN)]


def test_each_step_became_ready_last_of_what_the_next_one_waited_for() -> None:
    assert path_of(*PLATFORM) == [
        ("zookeeper", 8.0),
        ("kafka", 12.0),
        ("config", 10.0),
        ("rofecare-service-patient", 30.0),
    ]


def test_the_order_of_the_record_does_not_matter() -> None:
    mixed = list(PLATFORM)
    random.Random(7).shuffle(mixed)  # noqa: S311 - no secret
    assert path_of(*mixed) == path_of(*PLATFORM)


def test_inside_a_phase_only_dependencies_count() -> None:
    services = (begun("db", 1, 1, 25), begun("zookeeper", 1, 1, 9), begun("kafka", 2, 9, 26, needs=("zookeeper",)))
    assert path_of(*services) == [("zookeeper", 9.0), ("kafka", 17.0)]


def test_the_whole_phase_before_counts_whatever_the_stage() -> None:
    app = begun("app", 3, 26, 30, phase="business")
    assert path_of(begun("db", 1, 1, 25), begun("kafka", 2, 2, 20), app) == [("db", 25.0), ("app", 5.0)]


def test_phases_that_started_nothing_are_left_out() -> None:
    assert path_of(begun("db", 1, 1, 5), begun("app", 6, 6, 9, phase="other")) == [("db", 5.0), ("app", 4.0)]


@pytest.mark.parametrize("needs", [("self",), ("later",), ("unknown",)])
def test_a_dependency_that_is_in_no_earlier_stage_ends_the_chain(needs: tuple[str, ...]) -> None:
    services = (begun("self", 1, 1, 9, needs=needs), begun("later", 1, 1, 5, needs=("self",)))
    assert path_of(*services) == [("self", 9.0)]


def test_services_that_never_became_ready_are_not_on_it() -> None:
    assert path_of(begun("db", 1, 1, 5), begun("kafka", 2, 6, None)) == [("db", 5.0)]
    assert path_of(begun("kafka", 2, 6, None)) == []
    assert path_of() == []


def test_of_two_that_became_ready_at_the_same_moment_one_is_chosen_by_its_name() -> None:
    first, second = begun("a", 1, 1, 5), begun("b", 1, 1, 5)
    assert path_of(first, second) == path_of(second, first) == [("b", 5.0)]
