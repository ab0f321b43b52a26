"""The parts of a log line, from lines that the programs of the platform wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from rofecare_infra.logs.record import parse
from tests.support.planted import RECORDED

SPRING = (
    '{"@timestamp":"2026-11-28T04:46:10.169707610Z","log.level":"INFO","process.pid":1,'
    '"process.thread.name":"http-nio-8088-exec-1","service.name":"rofecare-service-interoperability",'
    '"service.version":"1.0.0","log.logger":"org.springframework.web.servlet.DispatcherServlet",'
    '"message":"Initializing Servlet \'dispatcherServlet\'","ecs.version":"8.11"}'
)
SPRING_ERROR = (
    '{"@timestamp":"2026-11-28T04:46:09.464704796Z","log.level":"ERROR","process.pid":1,"process.thread.name":"main",'
    '"service.name":"rofecare-service-identity","service.version":"1.0.0",'
    '"log.logger":"org.springframework.kafka.core.KafkaAdmin","message":"Could not configure topics",'
    '"error.type":"java.util.concurrent.TimeoutException","error.message":null,'
    '"error.stack_trace":"java.util.concurrent.TimeoutException\\n\\tat java.base/java.util.concurrent.'
    'CompletableFuture.timedGet(CompletableFuture.java:1960)\\n","ecs.version":"8.11"}'
)
ELASTICSEARCH = (
    '{"type": "server", "timestamp": "2026-11-28T10:59:38,420+0000", "level": "WARN", "component": "o.e.n.Node", '
    '"cluster.name": "docker-cluster", "node.name": "d209b8c0b498", "message": "version[7.17.28], pid[6]", '
    '"stacktrace": ["java.lang.IllegalStateException: closed", "at org.elasticsearch.Node.<init>(Node.java:1)"] }'
)
KIBANA = (
    '{"type":"log","@timestamp":"2026-11-28T10:59:38Z","tags":["status","error","plugin:elasticsearch"],"pid":1,'
    '"message":"Status changed from yellow to red"}'
)
CADDY = (RECORDED / "caddy-certificate-absent.log").read_text(encoding="utf-8").splitlines()


def test_a_line_of_spring_has_time_level_logger_and_message() -> None:
    found = parse(SPRING)
    assert found.structured
    assert found.time == datetime(2026, 11, 28, 4, 46, 10, 169707, UTC)
    assert (found.level, found.word) == ("info", "INFO")
    assert found.logger == "org.springframework.web.servlet.DispatcherServlet"
    assert found.message == "Initializing Servlet 'dispatcherServlet'"
    assert found.trace == ()


def test_an_error_of_spring_has_its_stack_trace() -> None:
    found = parse(SPRING_ERROR)
    assert found.level == "error"
    assert found.trace == (
        "java.util.concurrent.TimeoutException",
        "\tat java.base/java.util.concurrent.CompletableFuture.timedGet(CompletableFuture.java:1960)",
    )


def test_an_error_without_a_stack_trace_has_its_exception() -> None:
    event = {"message": "m", "error": {"type": "org.example.BadException", "message": "why"}}
    assert parse(json.dumps(event)).trace == ("org.example.BadException: why",)


def test_a_field_that_is_null_is_absent() -> None:
    event = {"message": None, "log.level": None, "log.logger": None, "error.type": None, "error.message": None}
    found = parse(json.dumps(event))
    assert (found.message, found.word, found.logger, found.trace) == ("", "", "", ())


def test_nested_fields_are_those_with_dots() -> None:
    nested = {"@timestamp": "2026-11-28T04:46:10Z", "log": {"level": "WARN", "logger": "a.B"}, "message": "m"}
    found = parse(json.dumps(nested))
    assert (found.level, found.logger, found.message) == ("warn", "a.B", "m")


def test_a_line_of_elasticsearch_has_a_component_and_a_list_as_stack_trace() -> None:
    found = parse(ELASTICSEARCH)
    assert found.time == datetime(2026, 11, 28, 10, 59, 38, 420000, UTC)
    assert (found.level, found.logger, found.message) == ("warn", "o.e.n.Node", "version[7.17.28], pid[6]")
    assert found.trace == ("java.lang.IllegalStateException: closed", "at org.elasticsearch.Node.<init>(Node.java:1)")


def test_the_level_of_kibana_is_a_tag() -> None:
    assert parse(KIBANA).level == "error"


def test_a_line_of_caddy_keeps_the_fields_that_explain_its_message() -> None:
    warning, admin = parse(CADDY[1]), parse(CADDY[2])
    assert warning.time == datetime.fromtimestamp(1795830235.633874, UTC)
    assert warning.level == "warn"
    assert warning.message.endswith("fix inconsistencies adapter=caddyfile file=/tmp/Caddyfile line=2")
    assert admin.logger == "admin"
    # A list is not shown; --raw shows it.
    assert admin.message == "admin endpoint started address=localhost:2019 enforce_origin=false"


@pytest.mark.parametrize("raw", ["", "text", "{broken", "[1, 2]", '{"other": 1}', '"message"', '{"a":' * 100_000])
def test_every_other_line_is_text(raw: str) -> None:
    found = parse(raw)
    assert not found.structured
    assert found.raw == raw


@pytest.mark.parametrize("time", ["", "yesterday", "nan", "9" * 400, "1" * 15, "0001-01-01T00:00:00+14:00", "08:00"])
def test_a_time_that_cannot_be_read_is_none(time: str) -> None:
    assert parse(json.dumps({"message": "m", "time": time})).time is None


def test_a_time_without_a_zone_is_none() -> None:
    assert parse(json.dumps({"message": "m", "time": "2026-11-28T04:46:10"})).time is None


def test_a_level_that_is_not_recognized_is_kept_as_it_was_written() -> None:
    found = parse('{"level": "audit", "message": "m"}')
    assert (found.level, found.word) == ("", "AUDIT")


HEAD = parse("[2026-11-28 01:41:23,071] ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)")


@pytest.mark.parametrize(
    "line",
    [
        "java.lang.IllegalArgumentException: Error creating broker listeners from 'OTHER://kafka:29092'",
        "\tat kafka.Kafka.main(Kafka.scala)",
        "Caused by: java.io.IOException: Transaction log has invalid magic number",
        "\t... 2 more",
        "",
        "APPLICATION FAILED TO START",
    ],
)
def test_a_stack_trace_and_a_text_without_a_level_continue_the_line_before(line: str) -> None:
    assert parse(line).continues(HEAD)


@pytest.mark.parametrize(
    "line",
    [
        "[2026-11-28 01:41:23,072] INFO shutting down (kafka.server.KafkaServer)",
        "2026-11-28 01:41:23 a line with a time alone",
        "Error: another program",
        SPRING,
    ],
)
def test_a_line_with_a_level_or_a_time_begins_another_text(line: str) -> None:
    assert not parse(line).continues(HEAD)


def test_what_belongs_to_an_error_of_postgresql_continues_it() -> None:
    head = parse("2026-11-28 01:41:12.638 UTC [1] FATAL:  data directory has invalid permissions")
    assert parse("2026-11-28 01:41:12.638 UTC [1] DETAIL:  Permissions should be u=rwx (0700).").continues(head)
    assert not parse("2026-11-28 01:41:12.639 UTC [1] LOG:  database system is shut down").continues(head)


def test_after_json_only_a_stack_trace_continues() -> None:
    head = parse(SPRING_ERROR)
    assert parse("\tat org.example.A.a(A.java:1)").continues(head)
    assert not parse("Picked up JAVA_TOOL_OPTIONS: -Xmx384m").continues(head)


def test_the_first_line_of_a_container_continues_nothing() -> None:
    assert not parse("\tat kafka.Kafka.main(Kafka.scala)").continues(None)
