"""The document of a start, and what is not one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rofecare_infra.history import Outcome, StartRecord, from_json, to_json
from tests.support.starts import PLATFORM, begun, start_of

RECORD = start_of(PLATFORM)


def parsed(record: StartRecord) -> Any:
    return json.loads(json.dumps(to_json(record)))


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        start_of([begun("db", 1, 1, None, created=None, started=None, cpu_seconds=None)]),
        start_of([begun("db", 1, 1, 2)], outcome=Outcome.TIMEOUT, service="db", cause="db is not ready"),
    ],
)
def test_a_record_is_the_same_after_it_was_read(record: StartRecord) -> None:
    assert from_json(parsed(record)) == record


def test_the_version_of_the_document() -> None:
    assert parsed(RECORD)["schema"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"schema": None},
        {"services": []},
        {"services": ["db"]},
        {"services": None},
        {"began": "yesterday"},
        {"began": True},
        {"began": float("nan")},
        {"began": 1e300},
        {"seconds": -1},
        {"outcome": "perfect"},
        {"cause": None},
    ],
)
def test_another_content_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, LookupError, TypeError, AttributeError)):
        from_json(parsed(RECORD) | change)


@pytest.mark.parametrize("field", ["name", "stage", "needs", "started", "ready", "image", "restarts"])
def test_a_service_has_all_its_fields(field: str) -> None:
    document = parsed(RECORD)
    del document["services"][0][field]
    with pytest.raises(LookupError):
        from_json(document)


def test_only_a_start_in_which_everything_became_ready_is_complete() -> None:
    assert RECORD.is_complete
    assert not start_of(PLATFORM, outcome=Outcome.FAILED).is_complete
    assert not start_of([*PLATFORM, begun("late", 4, 32, None)]).is_complete


def test_the_time_of_a_service_is_from_its_start() -> None:
    assert begun("db", 1, 2, 9.5).seconds == 7.5
    assert begun("db", 1, 2, None).seconds is None
    assert begun("db", 1, 2, 9, started=None).seconds is None
