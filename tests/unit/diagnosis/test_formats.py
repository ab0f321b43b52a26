"""The same failure in the formats in which applications log: text, colours, JSON, other stack traces."""

from __future__ import annotations

import json

import pytest

from rofecare_infra.diagnosis import cause_of, headline
from rofecare_infra.diagnosis.text import plain

TRACE = """org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'desk': it fails
\tat org.springframework.A.a(A.java:1)
Caused by: org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'ledger' defined in X
\t... 12 common frames omitted
Caused by: org.example.TariffException: no tariff for 2027
\tat org.example.Tariffs.of(Tariffs.java:3)
\t... 30 common frames omitted"""
NAMED = "TariffException: no tariff for 2027 (bean ledger)"
LOGGER = "org.springframework.boot.SpringApplication"
FAILED = "Application run failed"
RED, PLAIN = "\x1b[31m", "\x1b[0;39m"
FORMATS = {
    "ECS, dotted": json.dumps(
        {"log.level": "ERROR", "log.logger": LOGGER, "message": FAILED, "error.stack_trace": TRACE}
    ),
    "ECS, nested": json.dumps(
        {"log": {"level": "ERROR", "logger": LOGGER}, "message": FAILED, "error": {"stack_trace": TRACE}}
    ),
    "ECS, both": json.dumps({"log.level": "ERROR", "message": FAILED, "error": {"type": "x", "stack_trace": TRACE}}),
    "Logstash": json.dumps({"level": "ERROR", "logger_name": LOGGER, "message": FAILED, "stack_trace": TRACE}),
    "GELF": json.dumps({"level": 3, "_log_logger": LOGGER, "short_message": FAILED, "_error_stack_trace": TRACE}),
    "Logback": f"12:00:00.123 [main] ERROR {LOGGER} -- {FAILED}\n{TRACE}",
    "Spring Boot": f"2026-01-31T12:00:00.123Z ERROR 1 --- [main] o.s.b.SpringApplication : {FAILED}\n{TRACE}",
    "colours": f"2026-01-31T12:00:00.123Z {RED}ERROR{PLAIN} 1 --- o.s.b.SA : {FAILED}\n{RED}{TRACE}{PLAIN}",
}
ROOT_FIRST = """org.example.TariffException: no tariff for 2027
\tat org.example.Tariffs.of(Tariffs.java:3)
\t... 30 common frames omitted
Wrapped by: org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'ledger' defined in X
\t... 12 common frames omitted
Wrapped by: org.springframework.beans.factory.BeanCreationException: Error creating bean with name 'desk': it fails"""
SUPPRESSED = """org.example.OuterException: the outer one
\tat org.example.A.a(A.java:1)
\tSuppressed: org.example.CloseException: while closing
\t\tat org.example.B.b(B.java:2)
\tCaused by: org.example.OtherException: of the suppressed one
\t\t... 2 more
Caused by: org.example.InnerException: the inner one
\t... 3 more"""


@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS.keys())
def test_the_innermost_exception_and_its_bean_are_named_in_every_format(text: str) -> None:
    log = ["a line before", *text.splitlines(), *[f"a line of information, number {number}" for number in range(300)]]
    found = cause_of(log)
    assert found is not None
    assert found.text == NAMED


def test_where_the_root_cause_is_printed_first_it_is_named() -> None:
    found = cause_of(ROOT_FIRST.splitlines())
    assert found is not None
    assert found.text == NAMED


def test_the_cause_of_a_suppressed_exception_is_not_that_of_the_trace() -> None:
    found = cause_of(SUPPRESSED.splitlines())
    assert found is not None
    assert found.text == "InnerException: the inner one"


def test_the_trace_of_the_failed_start_counts_more_than_later_ones() -> None:
    later = ["12:00:01.000 [main] ERROR o.e.Listener -- cannot deregister", "java.lang.IllegalStateException: closed"]
    found = cause_of([*FORMATS["Logback"].splitlines(), *later])
    assert found is not None
    assert found.text == NAMED


def test_what_may_pass_is_not_the_cause_if_the_application_went_on() -> None:
    refused = "Caused by: org.postgresql.util.PSQLException: Connection to db:5432 refused. Check it"
    before = ["12:00:00.000 [main] WARN c.z.h.p.HikariPool -- retrying", refused]
    found = cause_of([*before, *FORMATS["Logback"].splitlines()])
    assert found is not None
    assert found.text == NAMED
    assert not found.passes
    alone = cause_of(before)
    assert alone is not None
    assert "db:5432" in alone.text
    assert alone.passes


def test_a_message_that_says_nothing_is_named_with_the_exception_around_it() -> None:
    trace = [
        "org.example.ClientException: I/O error on GET request for http://tariffs:8080/all",
        "Caused by: java.net.ConnectException: Connection refused",
    ]
    found = cause_of(trace)
    assert found is not None
    assert found.text == (
        "ConnectException: Connection refused [ClientException: I/O error on GET request for http://tariffs:8080/all]"
    )
    assert found.passes


def test_an_exception_without_the_name_of_its_class() -> None:
    found = cause_of(["12:00:00.000 [main] ERROR o.s.b.SpringApplication -- Application run failed", "no such profile"])
    assert found is not None
    assert found.text == "no such profile"


def test_a_log_without_stack_traces_has_the_warning_before_the_end() -> None:
    warning = (
        "WARN o.s.C : Exception encountered during context initialization - cancelling refresh attempt: "
        "org.example.A: one; nested exception is org.example.TariffException: no tariff"
    )
    found = cause_of([warning])
    assert found is not None
    assert found.text == "TariffException: no tariff"


def test_what_the_engine_says_counts_before_the_log_and_how_it_ended_after_it() -> None:
    log = ["java.lang.OutOfMemoryError: Java heap space"]
    killed = cause_of(log, ["out of memory: killed by the kernel (exit code 137)"])
    assert killed is not None
    assert killed.text == "its container needed more memory than its limit"
    ended = cause_of(log, ["exited with code 139"])
    assert ended is not None
    assert ended.text == "the JVM is out of memory: Java heap space"
    alone = cause_of([], ["exited with code 139"])
    assert alone is not None
    assert "segmentation fault" in alone.text


def test_colours_are_removed_from_json_and_text() -> None:
    assert plain([f"{RED}a{PLAIN} b", json.dumps({"message": f"{RED}c{PLAIN}", "log.level": "INFO"})]) == [
        "a b",
        "INFO : c",
    ]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a line", "a line"),
        ("\x1b[31mred\x1b[0m", "red"),
        ('{"other": 1}', '{"other": 1}'),
        ('{"log.level": "INFO", "log.logger": "o.e.A", "message": "Started\\nmore"}', "INFO A: Started"),
        ('{"log": {"level": "ERROR", "logger": "A"}, "message": "\\n\\nError starting"}', "ERROR A: Error starting"),
    ],
)
def test_a_log_line_of_a_message_is_one_line(raw: str, shown: str) -> None:
    assert headline(raw) == shown
