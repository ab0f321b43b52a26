"""The frame that a terminal shows: inside the terminal, whatever it contains."""

from __future__ import annotations

from functools import reduce

import pytest

from rofecare_infra.progress import (
    Event,
    Expected,
    ImageDone,
    Logged,
    Note,
    Observed,
    Output,
    StageBegan,
    StageReady,
    Working,
)
from rofecare_infra.progress.cells import width_of
from rofecare_infra.progress.frame import State, after, frame

MANY = {f"rofecare-service-{number:02d}": f"starting: {'HTTP/1.1 503 ' * 20}" for number in range(22)}
HOSTILE = {
    "rofecare-service-日本": "démarrage\u0301 \t\t 日本語" * 20,
    "redis": "a\x1b[2Jb\r\nc\u202e" * 20,
    "kafka": "😀☎\ufe0f" * 60,
}
BEGAN = StageBegan("business", 6, 6, ("a", "b"))


def state(*events: Event) -> State:
    return reduce(after, events, State())


def lines(*events: Event, width: int = 80, height: int = 24) -> list[str]:
    return frame(state(*events), width, height)


def waiting(services: dict[str, str], *more: Event) -> tuple[Event, ...]:
    logs = [Logged(name, f"a line \x1b[31m\t日本 {'x' * 300}") for name in services]
    return (BEGAN, Observed(0.0, services), *logs, *more, Observed(40.0, services))


@pytest.mark.parametrize("services", [MANY, HOSTILE], ids=["many", "hostile"])
@pytest.mark.parametrize("width", [1, 2, 5, 10, 19, 20, 39, 80, 200])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 24, 60])
def test_it_never_exceeds_the_terminal(services: dict[str, str], width: int, height: int) -> None:
    found = lines(*waiting(services), width=width, height=height)
    assert len(found) <= max(height - 1, 1)
    assert max(map(width_of, found)) <= max(width - 1, 1)
    assert all(character.isprintable() for line in found for character in line)


def test_one_line_per_service_with_its_time_its_usual_time_and_its_last_probe() -> None:
    assert lines(
        BEGAN,
        Expected({"rofecare-service-identity": 25.0}),
        Observed(2.0, {"rofecare-service-identity": "starting", "kafka": ""}),
        Observed(15.2, {"rofecare-service-identity": "starting: HTTP/1.1 503", "kafka": "", "redis": "starting"}),
    ) == [
        "business 6/6: 1 of 3 ready, 15 s",
        "  identity  13 s of about 25 s  starting: HTTP/1.1 503",
        "  redis     0 s  starting",
    ]


def test_columns_count_cells() -> None:
    found = lines(Observed(0.0, {"日本": "x", "abcdef": "y"}))
    assert found[1:] == ["  日本    0 s  x", "  abcdef  0 s  y"]


def test_only_a_slow_service_shows_its_log() -> None:
    found = lines(*waiting({"a": "starting", "b": "starting", "c": ""}, Expected({"a": 39.0, "b": 20.0})))
    assert found[:3] == [
        "business 6/6: 1 of 3 ready, 40 s",
        "  a  40 s of about 39 s  starting",
        "  b  40 s of about 20 s  starting",
    ]
    assert found[3].startswith(r"    | a line \x1b[31m 日本 xxx")
    assert len(found) == 4


def test_services_come_before_logs_where_both_do_not_fit() -> None:
    found = lines(*waiting(MANY), height=26)
    assert sum("| a line" in line for line in found) == 2
    assert sum("starting" in line for line in found) == 22
    assert len(found) == 25


def test_what_does_not_fit_is_counted() -> None:
    found = lines(*waiting(MANY), height=12)
    assert len(found) == 11
    assert found[-1] == "  and 13 more"


def test_an_activity_is_its_first_line() -> None:
    assert lines(Working("stopping redis")) == ["stopping redis"]
    assert lines(Output("\n  one\ntwo")) == ["  one"]
    assert lines(Output(" ")) == []
    assert lines(BEGAN) == ["business 6/6: a, b"]


WAITS = Observed(1.0, {"db": "starting", "redis": ""})
DONE = Observed(2.0, {"db": "", "redis": ""})


@pytest.mark.parametrize(
    "event",
    [
        Output("Container db Created"),
        StageBegan("infrastructure", 2, 3, ("kafka",)),
        StageReady("infrastructure", 1, 3, ("db",), ("db",), 1.0),
        ImageDone("image/db:1", ("db",), "built", 1.0),
        Note("a note"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_is_waited_for_stays(event: Event) -> None:
    assert lines(WAITS, event)[1:] == lines(WAITS)[1:]


def test_the_next_activity_replaces_a_wait() -> None:
    assert lines(WAITS, Working("copying")) == ["copying"]
    assert lines(WAITS, DONE, Output("Container db Created")) == ["Container db Created"]
    assert lines(WAITS, DONE, BEGAN) == ["business 6/6: a, b"]


def test_the_stage_after_a_ready_one_is_known() -> None:
    ready = StageReady("infrastructure", 1, 3, ("db",), ("db",), 1.0)
    assert lines(WAITS, ready)[0] == "stage 2/3: 1 of 2 ready, 1 s"
