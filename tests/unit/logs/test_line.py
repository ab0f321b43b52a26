"""Formatted lines, from lines that the programs of the platform wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from rofecare_infra.logs.follow import Line
from rofecare_infra.logs.line import View, abbreviated, shown
from rofecare_infra.logs.record import parse

SERVICES = ("redis", "kafka", "rofecare-service-identity", "rofecare-gateway")
ENGINE_TIME = "2026-11-28T04:46:10.500000000Z"
STARTED = (
    '{"@timestamp":"2026-11-28T04:48:49.840516267Z","log.level":"INFO","process.pid":1,"process.thread.name":"main",'
    '"service.name":"rofecare-gateway","service.version":"1.0.0",'
    '"log.logger":"com.rofecare.reference.gateway.GatewayApplication",'
    '"message":"Started GatewayApplication in 5.102 seconds (process running for 5.757)","ecs.version":"8.11"}'
)
FAILED = (
    '{"@timestamp":"2026-11-28T04:46:09.464704796Z","log.level":"ERROR",'
    '"log.logger":"org.springframework.kafka.core.KafkaAdmin","message":"Could not configure topics",'
    '"error.type":"java.util.concurrent.TimeoutException","error.message":null,'
    '"error.stack_trace":"java.util.concurrent.TimeoutException\\n\\tat org.springframework.kafka.core.KafkaAdmin.'
    'initialize(KafkaAdmin.java:276)\\n","ecs.version":"8.11"}'
)
REDIS = "1:C 28 Nov 2026 04:44:08.562 # WARNING Memory overcommit must be enabled!"


@pytest.fixture(autouse=True)
def _lagos(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Africa/Lagos")  # one hour ahead
        time.tzset()
        yield
    time.tzset()


def lines(raw: str, service: str = "rofecare-gateway", view: View | None = None, at: str = ENGINE_TIME) -> list[str]:
    found = shown(Line(service, at, raw, "id"), parse(raw), view or View(SERVICES, 0))
    return ["".join(part.text for part in parts) for parts in found]


def styles(raw: str, service: str = "rofecare-gateway", width: int = 0) -> dict[str, str]:
    found = shown(Line(service, ENGINE_TIME, raw, "id"), parse(raw), View(SERVICES, width))
    return {part.text.strip(): part.style for parts in found for part in parts if part.style}


def test_json_is_shown_as_local_time_level_logger_and_message() -> None:
    [line] = lines(STARTED)
    assert line == (
        "05:48:49.840 INFO  c.r.r.gateway.GatewayApplication Started GatewayApplication in 5.102 seconds "
        "(process running for 5.757)"
    )


def test_a_stack_trace_is_below_its_line_indented_and_with_the_name_of_the_service() -> None:
    assert lines(FAILED, view=View(SERVICES, 8)) == [
        "gateway  | 05:46:09.464 ERROR o.s.kafka.core.KafkaAdmin Could not configure topics",
        "gateway  |     java.util.concurrent.TimeoutException",
        "gateway  |         at org.springframework.kafka.core.KafkaAdmin.initialize(KafkaAdmin.java:276)",
    ]


def test_a_message_of_several_lines_is_indented() -> None:
    assert lines('{"@timestamp":"2026-11-28T04:48:49Z","log.level":"INFO","message":"a\\nb"}') == [
        "05:48:49.000 INFO  a",
        "    b",
    ]


def test_json_without_a_time_has_the_time_of_the_engine() -> None:
    assert lines('{"level":"warn","msg":"m"}') == ["05:46:10.500 WARN  m"]
    assert lines('{"level":"warn","msg":"m"}', at="damaged") == ["WARN  m"]


@pytest.mark.parametrize("text", [REDIS, "", "\tat kafka.Kafka.main(Kafka.scala)", "[bold]x[/]", '{"other": 1}'])
def test_a_line_that_is_not_a_log_record_is_unchanged(text: str) -> None:
    assert lines(text) == [text]


def test_raw_lines_are_unchanged() -> None:
    view = View(SERVICES, 7, raw=True, escape=False)
    assert lines(FAILED, view=view) == [f"gateway | {FAILED}"]
    assert lines("a\x1b[31mb", view=view) == ["gateway | a\x1b[31mb"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;title\x07text", r"\x1b]0;title\x07text"),
        ("50%\r100%", r"50%\r100%"),
        ("\x9b31mtext", r"\x9b31mtext"),
        (
            '{"level":"error","msg":"\\u001b[2Jgone","error":"\\u001b[1A"}',
            r"05:46:10.500 ERROR \x1b[2Jgone error=\x1b[1A",
        ),
        ('{"level":"\\u001b[2J","logger":"\\u001b[1A","msg":"m"}', r"05:46:10.500 \x1b[2J  \x1b[1A m"),
        ('{"message":"m","error.stack_trace":"a\\n\\u001b[2Jb"}', r"    \x1b[2Jb"),
    ],
)
def test_control_characters_of_a_log_do_not_reach_the_terminal(text: str, expected: str) -> None:
    assert lines(text)[-1] == expected


def test_control_characters_of_raw_lines_do_not_reach_the_terminal() -> None:
    assert lines("a\x1b[31mb", view=View(SERVICES, 0, raw=True)) == [r"a\x1b[31mb"]


def test_only_the_level_of_warnings_and_errors_has_a_colour() -> None:
    assert styles(FAILED) == {"ERROR": "red"}
    assert styles('{"level":"warn","msg":"m"}') == {"WARN": "yellow"}
    assert styles(REDIS) == {"#": "yellow"}
    assert styles("2026-11-28 04:44:19.018 UTC [136] FATAL:  the database system is starting up") == {"FATAL": "red"}
    assert styles(STARTED) == {}


def test_the_colour_of_a_service_depends_on_its_position_alone() -> None:
    assert styles("text", "redis", 7) == {"redis   |": "cyan"}
    assert styles("text", "kafka", 7) == {"kafka   |": "green"}
    many = View(tuple(f"service-{number}" for number in range(40)), 10)
    found = [shown(Line(name, ENGINE_TIME, "x"), parse("x"), many)[0][0].style for name in many.services]
    assert all(one != following for one, following in pairwise(found))
    assert not {"red", "yellow", ""} & set(found)


def test_a_service_that_is_no_longer_in_the_platform_has_no_colour() -> None:
    assert styles("text", "removed", 7) == {}


@pytest.mark.parametrize(
    ("logger", "expected"),
    [
        ("org.springframework.web.servlet.DispatcherServlet", "o.s.web.servlet.DispatcherServlet"),
        ("org.apache.kafka.clients.consumer.internals.SubscriptionState", "o.a.k.c.c.i.SubscriptionState"),
        ("com.example.Short", "com.example.Short"),
        ("a.b." + "VeryLong" * 10, "a.b." + "VeryLong" * 10),
        ("o.e.n.Node", "o.e.n.Node"),
        ("", ""),
    ],
)
def test_a_logger_is_abbreviated_from_its_first_package_on(logger: str, expected: str) -> None:
    assert abbreviated(logger) == expected
