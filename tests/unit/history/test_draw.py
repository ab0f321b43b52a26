"""The drawing of a start for a terminal, and as SVG."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from xml.dom import minidom

import pytest

from rofecare_infra.errors import UsageError
from rofecare_infra.history import Outcome, StartRecord, Timeline, compare, draw, picture, save
from rofecare_infra.history.draw import span_of
from rofecare_infra.history.picture import interval
from tests.support.starts import BEGAN, PLATFORM, at, begun, start_of

RECORD = start_of(PLATFORM)
FAILED = start_of(
    [begun("db", 1, 1, 10), begun("kafka", 2, 11, None, started=None, created=None)],
    outcome=Outcome.TIMEOUT,
    seconds=20.0,
    service="kafka",
    cause="kafka is not ready\x1b[2J",
)
BROKEN = start_of([begun("<a&\"b'\x1b>", 1, 1, 10)], project="<script>", cause="]]>\x00")


def parsed(text: str) -> minidom.Element:
    root = minidom.parseString(text).documentElement  # noqa: S318 - made by the code under test
    assert root is not None
    return root


def texts(record: StartRecord, width: int = 80) -> list[str]:
    return [line.text for line in draw(record, width)]


def test_a_line_for_each_service_from_its_creation_until_it_was_ready() -> None:
    lines = texts(RECORD, 60)
    assert lines[0] == "rofecare, start of 2023-11-14 22:13:20 UTC: ready after 60.0 s"
    assert lines[1].split() == ["0", "s", "60.0", "s"]
    assert [line.split() for line in lines[2:8]] == [
        ["db", "-==", "4.0", "s"],
        ["*", "zookeeper", "-####", "7.0", "s"],
        ["*", "kafka", "-#######", "10.0", "s"],
        ["*", "config", "-#####", "8.0", "s"],
        ["identity", "-============", "18.0", "s"],
        ["*", "patient", "-###################", "28.0", "s"],
    ]


def test_bars_stand_under_their_moments() -> None:
    start, end = BEGAN, BEGAN + 40
    record = start_of([begun("a", 1, 10, 20, created=start), begun("b", 2, 20, 40, created=BEGAN + 20, needs=("a",))])
    assert end == record.began + record.seconds
    width = 40 + 1 + len("20.0 s") + 4
    assert texts(record, width)[2:4] == [
        "* a " + "-" * 10 + "#" * 10 + " " * 20 + " 10.0 s",
        "* b " + " " * 20 + "#" * 20 + " 20.0 s",
    ]


@pytest.mark.parametrize("width", [60, 80, 132, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    lines = texts(RECORD, width)[1:]
    assert max(map(len, lines)) <= width
    rows = [line for line in lines if line.endswith(" s")][1:7]
    assert {len(row) for row in rows} == {width}


def test_a_narrow_terminal_still_shows_every_service() -> None:
    for one in PLATFORM:
        assert any(one.name.removeprefix("rofecare-service-") in line for line in texts(RECORD, 1))


def test_lines_on_the_critical_path_are_marked() -> None:
    marked = [line.text.split()[1] for line in draw(RECORD, 80) if line.critical]
    assert marked == ["zookeeper", "kafka", "config", "patient"]
    assert texts(RECORD)[-1] == "critical path: zookeeper 8.0 s, kafka 12.0 s, config 10.0 s, patient 30.0 s"


def test_a_service_that_was_created_before_the_start_begins_with_it() -> None:
    record = start_of([begun("db", 1, 1, 10, created=BEGAN - 86400)])
    assert texts(record)[2].startswith("* db -")
    assert len(texts(record)[2]) == 80
    found = span_of(record.services[0], record)
    assert (found.created, found.started, found.until) == (0.0, 1.0, 10.0)


def test_moments_that_contradict_each_other_make_no_bar_that_runs_backwards() -> None:
    record = start_of([begun("db", 1, 12, 10, created=BEGAN + 50)])
    found = span_of(record.services[0], record)
    assert (found.created, found.started, found.until) == (10.0, 10.0, 10.0)


def test_a_service_that_was_ready_at_once_is_visible() -> None:
    assert any(line.startswith("* a ") and "#" in line for line in texts(start_of([begun("a", 1, 0, 0)])))
    late = texts(start_of([begun("a", 1, 10, 10), begun("b", 1, 1, 9)]))
    assert any(line.startswith("* a ") and "#" in line for line in late)
    assert max(map(len, late)) == 80


def test_a_start_that_failed() -> None:
    lines = texts(FAILED)
    assert lines[0].endswith("timed out after 20.0 s: kafka is not ready?[2J")
    kafka = next(line for line in lines if line.startswith("  kafka"))
    assert kafka.endswith("not ready")
    assert "?" in kafka
    assert "never ready" in lines[-2]


@pytest.mark.parametrize("record", [RECORD, FAILED, BROKEN, start_of([begun("a", 1, 0, 0)])])
def test_the_picture_is_well_formed_and_needs_nothing_else(record: StartRecord) -> None:
    text = picture(record)
    root = parsed(text)
    assert root.tagName == "svg"
    assert not any(word in text for word in ("href", "url(", "@import", "<script", "\x1b", "\x00"))
    rows = root.getElementsByTagName("g")
    assert len(rows) == len(record.services)
    assert all(row.getElementsByTagName("title") for row in rows)


def test_the_picture_shows_moments_and_the_critical_path() -> None:
    text = picture(RECORD)
    assert "<title>kafka: created at 9.0 s, started at 10.0 s, ready at 20.0 s, 1.5 s of processor time</title>" in text
    root = parsed(text)
    colours = {
        row.getElementsByTagName("text")[0].firstChild.data: row.getElementsByTagName("rect")[1].getAttribute("fill")  # type: ignore[union-attr]
        for row in root.getElementsByTagName("g")
    }
    critical = {name for name, colour in colours.items() if colour == colours["patient"]}
    assert critical == {"zookeeper", "kafka", "config", "patient"}


def test_names_are_escaped_in_the_picture() -> None:
    assert "&lt;a&amp;" in picture(BROKEN)


@pytest.mark.parametrize(
    ("length", "expected"), [(0.1, 1), (10, 1), (11, 2), (60, 10), (96, 10), (101, 20), (3000, 500)]
)
def test_the_scale_has_round_numbers(length: float, expected: int) -> None:
    assert interval(length) == expected


def test_the_picture_replaces_a_file(tmp_path: Path) -> None:
    file = tmp_path / "start.svg"
    file.write_text("old")
    save(RECORD, file)
    assert file.read_text() == picture(RECORD)
    assert [path.name for path in tmp_path.iterdir()] == ["start.svg"]


@pytest.mark.parametrize("path", ["", "absent/start.svg"])
def test_a_picture_that_cannot_be_written_is_an_error_of_usage(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError) as caught:
        save(RECORD, tmp_path / path)
    assert caught.value.seen.partition(": ")[2]
    assert "None" not in caught.value.seen


def test_the_document_for_programs() -> None:
    plain = json.loads(json.dumps(asdict(Timeline.of(RECORD, skipped=["one is skipped"]))))
    assert [step["service"] for step in plain["critical_path"]][-1] == "rofecare-service-patient"
    assert sum(step["seconds"] for step in plain["critical_path"]) == plain["seconds"] == 60.0
    assert plain["skipped"] == ["one is skipped"]
    assert plain["compared"] is None
    compared = Timeline.of(RECORD, compare(RECORD, [at(RECORD, BEGAN - 100)])).compared
    assert compared is not None
    assert compared.starts == 1
    assert compared.differences[0].difference == 0.0
