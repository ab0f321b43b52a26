"""Answers that an engine really gave (Docker 26.1), as records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.engine import Container
from rofecare_infra.engine.records import container_of

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> Container:
    return container_of(json.loads((RECORDED / f"{name}.json").read_text()))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("healthy", {"status": "running", "health": "healthy", "probe": "accepting connections", "ready": True}),
        ("starting", {"status": "running", "health": "starting", "probe": "", "ready": False}),
        (
            "unhealthy",
            {"status": "running", "health": "unhealthy", "probe": 'HTTP/1.1 503 {"status":"DOWN"}', "ready": False},
        ),
        ("silent", {"health": "unhealthy", "probe": "no output, exit code 3"}),
        ("unchecked", {"status": "running", "health": None, "ready": False}),
        ("disabled", {"status": "running", "health": None, "ready": False}),
        ("done", {"status": "exited", "exit_code": 0, "oom_killed": False}),
        ("failed", {"status": "exited", "exit_code": 3, "oom_killed": False}),
        ("killed", {"status": "exited", "exit_code": 137, "oom_killed": False}),
        ("oom", {"status": "exited", "exit_code": 137, "oom_killed": True}),
        ("looping", {"status": "restarting", "exit_code": 1, "restarts": 6}),
        ("paused", {"status": "paused", "ready": False}),
        ("refused", {"status": "created", "exit_code": 128, "started_at": "", "finished_at": ""}),
    ],
)
def test_states(name: str, expected: dict[str, Any]) -> None:
    container = recorded(name)
    assert {key: getattr(container, key) for key in expected} == expected


def test_what_names_a_container() -> None:
    container = recorded("healthy")
    assert container.name == "recorded-healthy-1"
    assert container.service == "healthy"
    assert container.labels["com.rofecare.phase"] == "infrastructure"
    assert len(container.config_hash) == 64
    assert container.image == "rofecare/base:trixie"
    assert container.image_id.startswith("sha256:")


def test_moments() -> None:
    assert recorded("healthy").started_at.startswith("2026-")
    assert recorded("healthy").finished_at == ""
    assert recorded("failed").finished_at > recorded("failed").started_at


def test_the_first_health_check_that_passed() -> None:
    assert recorded("healthy").created_at == "2026-11-23T17:27:35.685572346Z"
    assert recorded("healthy").ready_at == "2026-11-23T17:27:39.89142855Z"
    assert recorded("starting").ready_at == ""
    assert recorded("unhealthy").ready_at == ""
    assert recorded("unchecked").ready_at == ""


def _probes(*probes: tuple[int, int]) -> Container:
    """A healthy container that was started at 12:00:10, with health checks at these seconds and with these codes."""
    answer = json.loads((RECORDED / "healthy.json").read_text())
    answer["State"]["StartedAt"] = "2026-11-23T12:00:10.5Z"
    answer["State"]["Health"]["Log"] = [
        {"Start": f"2026-11-23T13:00:{second}.9+01:00", "End": f"end {second}", "ExitCode": code, "Output": ""}
        for second, code in probes
    ]
    return container_of(answer)


@pytest.mark.parametrize(
    ("probes", "expected"),
    [
        ([(11, 1), (12, 0), (13, 0)], "end 12"),
        # Before the container was started again.
        ([(10, 1), (11, 0)], "end 11"),
        ([("09", 0), (12, 0)], "end 12"),
        # The engine keeps five: the first one may have been dropped.
        ([(11, 0), (12, 0), (13, 0), (14, 0), (15, 0)], ""),
        ([(11, 1), (12, 0), (13, 0), (14, 0), (15, 0)], "end 12"),
        ([("xx", 0)], ""),
        ([], ""),
    ],
)
def test_which_health_check_was_the_first_to_pass(probes: list[tuple[int, int]], expected: str) -> None:
    assert _probes(*probes).ready_at == expected


def test_what_the_engine_itself_could_not_do() -> None:
    assert "address already in use" in recorded("refused").error


def test_dependencies_are_in_a_label() -> None:
    assert recorded("starting").depends_on == ("healthy", "paused")
    assert recorded("healthy").depends_on == ()


def test_a_container_of_somebody_else_has_no_labels() -> None:
    answer = json.loads((RECORDED / "unchecked.json").read_text())
    answer["Config"]["Labels"] = None
    assert container_of(answer).service == ""
