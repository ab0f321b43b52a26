"""The results of the tasks for programs."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from rofecare_infra.boundary.command import CHECKOUT, Command
from rofecare_infra.boundary.results.platform import Stopped, noting, services_of
from rofecare_infra.boundary.results.status import Link, SmokeTested
from rofecare_infra.boundary.tasks.status import doctor, status, why
from rofecare_infra.doctor import Finding, Level
from rofecare_infra.lifecycle import StopReport
from rofecare_infra.progress import Event, Note, StageReady
from rofecare_infra.project import Project
from rofecare_infra.smoke import Report
from rofecare_infra.smoke.checks import Check
from rofecare_infra.smoke.diagnosis import Finding as Broken
from rofecare_infra.smoke.plan import Plan
from tests.support.fakes import FakeEngine, container, drain, project_of, service

DB, APP = service("db"), service("app", "business")


def test_the_services_that_a_start_reports_as_started_are_noted() -> None:
    ready = (
        StageReady("infrastructure", 1, 2, ("db", "redis"), ("db",), 1.0),
        StageReady("business", 2, 2, ("app",), ("app",), 2.0),
    )

    def start() -> Generator[Event, None, int]:
        yield Note("a note")
        yield from ready
        return 3

    started: list[str] = []
    assert drain(noting(start(), started)) == ([Note("a note"), *ready], 3)
    assert started == ["db", "app"]


def test_a_start_is_ended_with_its_reader() -> None:
    ended = []

    def start() -> Generator[Event, None, None]:
        try:
            yield Note("one")
            yield Note("two")
        finally:
            ended.append(True)

    events = noting(start(), [])
    next(events)
    events.close()
    assert ended == [True]


def test_each_service_is_named_once() -> None:
    assert services_of([container("app"), container("app", id="other"), container("db")]) == ("app", "db")


def test_a_stop() -> None:
    report = StopReport(("p-db-1",), (), ("p_data",), (Path("/secrets/jwt"),))
    assert Stopped.of(report, "20260101T000000Z") == Stopped(
        ("p-db-1",), (), ("p_data",), ("jwt",), (), "20260101T000000Z"
    )


def test_a_broken_link_is_a_sentence() -> None:
    works = Check("gateway", "app", "the route", 0.25)
    broken = Check("app", "db", "database", 1.5, "cannot write to {}", "503")
    finding = Broken("app cannot write to db", "503", "inv logs db")
    assert SmokeTested.of(Report(Plan(()), (works, broken), (finding,), 2.0)) == SmokeTested(
        ok=False,
        seconds=2.0,
        links=(
            Link("gateway", "app", "the route", 0.25, "", ""),
            Link("app", "db", "database", 1.5, "app cannot write to db", "503"),
        ),
        unchecked=(),
    )


def printed(
    task: Command, root: Path, capsys: pytest.CaptureFixture[str], **flags: Any
) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of a task with --json, and the objects that it prints."""
    code = 0
    try:
        task(Context(Config({CHECKOUT: str(root)})), json=True, **flags)
    except Exit as end:
        code = end.code
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """The engine of the project that the tasks open."""
    engine = FakeEngine([container("db"), container("app", health="starting")])

    def opens(*_values: object, **_options: object) -> Project:
        return project_of([DB, APP], engine)

    monkeypatch.setattr("rofecare_infra.project.open_project", opens)
    monkeypatch.setattr("rofecare_infra.lifecycle.hold.is_closed", lambda _engine, _container: False)
    return engine


@pytest.mark.usefixtures("opened")
def test_the_status_is_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, (found,) = printed(status, tmp_path, capsys)
    assert code == 7
    assert (found["schema"], found["event"], found["ready"]) == (1, "Status", False)
    assert [(one["service"], one["ready"]) for one in found["services"]] == [("db", True), ("app", False)]
    assert found["last_command"] is None


def test_why_is_an_error_or_an_object(
    opened: FakeEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("stdin", "stdout"):
        # A program may have a terminal: nothing is asked.
        monkeypatch.setattr(f"sys.{name}.isatty", lambda: True, raising=False)
    code, (found,) = printed(why, tmp_path, capsys)
    assert (code, found["event"], found["exit_code"]) == (7, "Failed", 7)
    opened.present = [container("db"), container("app")]
    assert printed(why, tmp_path, capsys, service="app") == (0, [{"schema": 1, "event": "Ready", "service": "app"}])


def test_each_finding_is_an_object_and_a_problem_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Finding(Level.OK, "engine", "28.0.0"), Finding(Level.PROBLEM, "memory", "1 GiB", "more memory")]
    monkeypatch.setattr("rofecare_infra.doctor.examine", lambda _root, **_flags: iter(found))
    code, (first, second, last) = printed(doctor, tmp_path, capsys)
    assert code == 5
    assert first == {"schema": 1, "event": "Finding", "level": "ok", "point": "engine", "seen": "28.0.0", "remedy": ""}
    assert second["remedy"] == "more memory"
    assert (last["event"], last["exit_code"]) == ("Failed", 5)
