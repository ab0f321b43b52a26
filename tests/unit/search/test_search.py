"""Lines and traces: what is asked, what is made of the answer, what people see."""

from __future__ import annotations

from typing import Any

import pytest

from rofecare_infra import http
from rofecare_infra.errors import ServiceFailedError, UsageError
from rofecare_infra.platform import MONITORING, Platform, Port
from rofecare_infra.search import Stores, Wanted, lines_of, query, search, shown_line, shown_spans, spans_of
from rofecare_infra.search.query import checked
from tests.support.fakes import service

Json = dict[str, Any]


def filters(wanted: Wanted) -> list[Any]:
    found: list[Any] = query(checked(wanted))["query"]["bool"]["filter"]
    return found


def test_nothing_asked_for_is_everything() -> None:
    assert filters(Wanted()) == []


def test_each_wish_is_a_filter() -> None:
    wanted = Wanted("con ref", ("kafka",), 0.0, "ABCDEF0123456789", "error")
    by_service, by_time, by_trace, by_level, by_text = filters(wanted)
    assert by_service == {"terms": {"compose.service": ["kafka"]}}
    assert by_time == {"range": {"@timestamp": {"gte": "1970-01-01T00:00:00.000+00:00"}}}
    assert by_trace == {"term": {"trace.id": "abcdef0123456789"}}
    assert by_level == {"term": {"log.level": "ERROR"}}
    assert by_text["multi_match"]["query"] == "con ref"


@pytest.mark.parametrize("wanted", [Wanted(trace="x"), Wanted(trace="1" * 31), Wanted(limit=0), Wanted(limit=10_001)])
def test_what_nothing_can_match(wanted: Wanted) -> None:
    with pytest.raises(UsageError):
        checked(wanted)


NESTED: Json = {"@timestamp": "2026-01-01T00:00:01.123456789Z", "compose": {"service": "kafka"}, "message": "later"}
DOTTED: Json = {
    "@timestamp": "2026-01-01T00:00:00Z",
    "compose": {"service": "rofecare-gateway"},
    "message": "m",
    "log.level": "ERROR",
    "trace": {"id": "t"},
    "error.stack_trace": "E\n\tat a",
}


def answer(*sources: Json, total: int = 0) -> Json:
    return {"hits": {"total": {"value": total or len(sources)}, "hits": [{"_source": one} for one in sources]}}


def test_lines_come_oldest_first_however_their_fields_are_spelt() -> None:
    first, second = lines_of(answer(NESTED, DOTTED))
    assert (first.service, first.level, first.trace, first.stack_trace) == (
        "rofecare-gateway",
        "ERROR",
        "t",
        "E\n\tat a",
    )
    assert (second.service, second.message) == ("kafka", "later")
    assert lines_of({}) == ()


def test_a_line_for_people() -> None:
    first, second = lines_of(answer(NESTED, DOTTED))
    assert shown_line(second, 7) == "2026-01-01T00:00:01.123Z kafka   | later"
    assert shown_line(first, 7).splitlines()[1:] == ["    E", "    \tat a"]


def test_control_characters_of_a_line_do_not_reach_the_terminal() -> None:
    event = {"message": "a\x1b[2J\nb\x07", "error": {"stack_trace": "E\n\x1b[1A"}}
    [line] = lines_of(answer(event))
    assert shown_line(line, 0).partition("| ")[2].splitlines() == [r"a\x1b[2J", r"b\x07", "    E", r"    \x1b[1A"]


def span(identifier: str, parent: str, kind: str, name: str, at: int, **more: object) -> Json:
    return {
        "id": identifier,
        "parentId": parent,
        "kind": kind,
        "timestamp": at,
        "duration": 1500,
        "localEndpoint": {"serviceName": name},
        "name": "get",
        **more,
    }


def test_a_span_stands_below_the_one_that_caused_it() -> None:
    found = spans_of(
        [
            span("c", "b", "CLIENT", "patient", 30, remoteEndpoint={"serviceName": "patient-db"}),
            # Both sides of one call, with one identifier.
            span("b", "a", "SERVER", "patient", 20),
            span("b", "a", "CLIENT", "gateway", 10),
            span("a", "", "SERVER", "gateway", 1),
        ]
    )
    assert [(one.service, one.kind, one.depth) for one in found] == [
        ("gateway", "SERVER", 0),
        ("gateway", "CLIENT", 1),
        ("patient", "SERVER", 2),
        ("patient", "CLIENT", 3),
    ]
    assert "client get -> patient-db" in shown_spans(found)


def test_a_span_whose_cause_was_not_recorded_is_shown() -> None:
    assert [one.depth for one in spans_of([span("b", "gone", "SERVER", "patient", 20)])] == [0]


def test_without_the_monitoring_the_error_says_how_to_start_it() -> None:
    with pytest.raises(ServiceFailedError) as told:
        search(Stores(Platform("p", (service("db"),))), Wanted("x"))
    assert "inv start-monitoring" in told.value.next_step


def test_a_store_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise http.NoResponseError("connection refused")

    monkeypatch.setattr(http, "request", refuse)
    silent = service("store", MONITORING, ports=(Port("127.0.0.1", 1, 9200),))
    with pytest.raises(ServiceFailedError, match="store does not answer"):
        search(Stores(Platform("p", (silent,))), Wanted("x"))
