"""The cause in a log, as text or JSON: known signatures, Spring's failure analysis, the innermost exception."""

from __future__ import annotations

import json
import re

import pytest

from rofecare_infra.diagnosis import cause_of
from rofecare_infra.diagnosis.cause import signatures
from rofecare_infra.diagnosis.text import plain
from tests.support.planted import RECORDED, Fault, faults

TRACE = """java.lang.IllegalStateException: Failed to load
\tat org.example.A.a(A.java:1)
Caused by: org.springframework.beans.BeanCreationException: Error creating bean with name 'outer': it needs another
\tat org.example.B.b(B.java:2)
Caused by: org.springframework.beans.BeanCreationException: Error creating bean with name 'inner' defined in class path
\t... 12 more
Caused by: org.example.Unlucky: The reason
\tat org.example.C.c(C.java:3)
\t... 30 more"""
REPORT = """

***************************
APPLICATION FAILED TO START
***************************

Description:

Web server failed to start. Port 8081 was already in use.

Action:

Identify and stop the process that's listening on port 8081
or configure this application to listen on another port.
"""


@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name)
def test_the_recorded_log_of_a_fault_names_its_cause(fault: Fault) -> None:
    found = cause_of(fault.log, fault.reported)
    assert found is not None
    assert fault.cause in found.text


def test_each_recorded_log_belongs_to_a_fault_of_the_table() -> None:
    assert {path.stem for path in RECORDED.glob("*.log")} == {fault.name for fault in faults()}


def test_the_innermost_exception_is_named_with_the_bean_that_needed_it() -> None:
    event = {"log.level": "ERROR", "message": "Application run failed", "error.stack_trace": TRACE}
    for log in (TRACE.splitlines(), [json.dumps(event)]):
        found = cause_of(log)
        assert found is not None
        assert found.text == "Unlucky: The reason (bean inner)"


def test_the_failure_analysis_of_spring_has_a_description_and_an_action() -> None:
    nested = {"log": {"level": "ERROR", "logger": "o.s.b.d.LoggingFailureAnalysisReporter"}, "message": REPORT}
    for log in (REPORT.splitlines(), [json.dumps(nested), "later"]):
        found = cause_of(log)
        assert found is not None
        assert found.text == "Web server failed to start. Port 8081 was already in use."
        assert found.next_step == (
            "Identify and stop the process that's listening on port 8081 or configure this application to listen on "
            "another port."
        )


@pytest.mark.parametrize("log", [[], ["a line", ""], ["{broken"], ['{"other": 1}'], ["ERROR o.e.A: it is late"]])
def test_a_log_without_a_cause_has_none(log: list[str]) -> None:
    assert cause_of(log) is None


def test_a_cause_is_one_line_and_not_too_long() -> None:
    found = cause_of([f"org.example.LongException: {'x' * 5000}"])
    assert found is not None
    assert len(found.text) < 500
    assert "\n" not in found.text


def test_every_signature_has_a_recorded_log() -> None:
    texts = ["\n".join([*fault.reported, *plain(fault.log)]) for fault in faults()]
    assert [one.cause for one in signatures() if not any(one.pattern.search(text) for text in texts)] == []


def test_the_templates_of_all_signatures_use_groups_of_their_pattern() -> None:
    for one in signatures():
        names = {*re.findall(r"\{(\w+)\}", one.cause + one.next_step)}
        assert names <= {*one.pattern.groupindex, "service", "short", "container"}, one.cause
        assert one.next_step, one.cause


def test_an_exception_that_nothing_caught_is_a_cause_after_a_line_of_information() -> None:
    started = json.dumps({"log.level": "INFO", "log.logger": "o.e.A", "message": "Starting"})
    found = cause_of([started, 'Exception in thread "main" org.example.EarlyException: It is too early'])
    assert found is not None
    assert found.text == "EarlyException: It is too early"
