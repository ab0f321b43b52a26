"""The comparison with earlier starts of the same services, and when a start is slow."""

from __future__ import annotations

import pytest

from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.history import Outcome, StartRecord, compare, require_comparison, slowness, tabulate
from tests.support.starts import BEGAN, PLATFORM, at, begun, start_of

USUAL = start_of(PLATFORM)
EARLIER = [at(USUAL, BEGAN - 1000 * number) for number in (1, 2, 3)]


def slower(patient: float, identity: float = 50) -> StartRecord:
    """The same start, in which these two became ready at other moments."""
    changed = {"rofecare-service-patient": patient, "rofecare-service-identity": identity}
    return start_of([begun(one.name, 4, 32, changed[one.name]) if one.name in changed else one for one in PLATFORM])


def test_differences_are_sorted_by_growth() -> None:
    found = compare(slower(80, 55), EARLIER)
    assert found is not None
    assert (found.starts, found.seconds, found.usual) == (3, 80.0, 60.0)
    assert [(one.service, one.seconds, one.usual, one.growth) for one in found.differences[:3]] == [
        ("rofecare-service-patient", 48.0, 28.0, 20.0),
        ("rofecare-service-identity", 23.0, 18.0, 5.0),
        ("config", 8.0, 8.0, 0.0),
    ]
    assert [one.service for one in found.slower] == ["rofecare-service-patient", "rofecare-service-identity"]
    text = tabulate(found)
    assert "patient      48.0 s      28.0 s       +20.0 s" in text
    assert text.endswith("slower than usual: patient (+20.0 s), identity (+5.0 s)")


def test_the_usual_time_is_the_median() -> None:
    earlier = [at(slower(ready), BEGAN - ready) for ready in (40, 60, 600)]
    found = compare(USUAL, earlier)
    assert found is not None
    assert found.usual == 60.0
    assert tabulate(found).endswith("no service was slower than usual")


@pytest.mark.parametrize(
    "other",
    [
        at(start_of(PLATFORM[:-1]), BEGAN - 5),
        at(start_of([*PLATFORM, begun("more", 1, 1, 2)]), BEGAN - 5),
        at(start_of(PLATFORM, outcome=Outcome.FAILED), BEGAN - 5),
        at(start_of([*PLATFORM[:-1], begun("rofecare-service-identity", 4, 32, None)]), BEGAN - 5),
        at(USUAL, BEGAN),
        at(USUAL, BEGAN + 5),
    ],
    ids=["fewer services", "more services", "failed", "not all ready", "itself", "later"],
)
def test_only_earlier_complete_starts_of_the_same_services_count(other: StartRecord) -> None:
    assert compare(USUAL, [other]) is None
    with pytest.raises(ServiceFailedError) as caught:
        require_comparison(USUAL, [other])
    assert "6 services" in caught.value.seen
    assert caught.value.next_step.startswith("inv timeline")


def test_a_service_that_did_not_become_ready_comes_first() -> None:
    failed = start_of([*PLATFORM[1:], begun("db", 1, 1, None)], outcome=Outcome.FAILED)
    found = compare(failed, EARLIER)
    assert found is not None
    assert found.differences[0].service == "db"
    assert found.differences[0].growth is None
    assert "not ready" in tabulate(found).splitlines()[1]


def test_a_slow_start_names_the_service_on_the_critical_path_that_grew_most() -> None:
    assert slowness(slower(95), EARLIER) == (
        "this start took 95 s instead of 60 s (median of 3); on its critical path patient grew most: "
        "63 s instead of 28 s; see inv timeline --compare"
    )


def test_growth_beside_the_critical_path_is_not_the_reason() -> None:
    usual = start_of([begun("db", 1, 6, 7), begun("zookeeper", 1, 1, 8), begun("app", 2, 10, 20, phase="business")])
    slow = start_of([begun("db", 1, 1, 27), begun("zookeeper", 1, 1, 28), begun("app", 2, 30, 42, phase="business")])
    earlier = [at(usual, BEGAN - 1000 * number) for number in (1, 2, 3)]
    found = compare(slow, earlier)
    assert found is not None
    assert (found.differences[0].service, found.differences[0].growth) == ("db", 25.0)
    assert "zookeeper grew most: 27 s instead of 7 s" in slowness(slow, earlier)


@pytest.mark.parametrize(
    ("record", "earlier"),
    [
        (slower(95), EARLIER[:2]),
        (slower(89), EARLIER),
        (start_of(slower(95).services, outcome=Outcome.FAILED), EARLIER),
        (start_of([begun("db", 1, 1, 12)]), [at(start_of([begun("db", 1, 1, 3)]), BEGAN - n) for n in (1, 2, 3)]),
    ],
    ids=["two earlier starts", "less than half as long again", "failed", "only nine seconds more"],
)
def test_no_other_start_is_slow(record: StartRecord, earlier: list[StartRecord]) -> None:
    assert slowness(record, earlier) == ""


def test_a_start_is_slow_although_no_service_took_longer() -> None:
    found = slowness(start_of(PLATFORM, seconds=200.0), EARLIER)
    assert "no service took longer" in found
