"""The files of the records: the newest are kept, damaged ones are skipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.history import History, folder_of, newest, read, to_json, write
from rofecare_infra.history.store import KEPT
from tests.support.fakes import settings
from tests.support.starts import BEGAN, PLATFORM, at, start_of

RECORD = start_of(PLATFORM)


def test_each_project_has_a_folder_in_the_state_folder(tmp_path: Path) -> None:
    mine = folder_of(settings(tmp_path, COMPOSE_PROJECT_NAME="clinic"))
    assert mine == tmp_path / ".rofecare" / "starts" / "clinic"


def test_what_was_written_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    later, earlier = at(RECORD, BEGAN + 0.5), RECORD
    for record in (later, earlier):
        write(tmp_path / "starts", record)
    assert read(tmp_path / "starts") == History((earlier, later))
    assert newest(read(tmp_path / "starts"), "rofecare") == later


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT + 3):
        write(tmp_path, at(RECORD, BEGAN + number))
    assert [one.began for one in read(tmp_path).records] == [BEGAN + number for number in range(3, KEPT + 3)]
    assert len(list(tmp_path.iterdir())) == KEPT


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"schema": 1}', b'{"schema": 99}'],
    ids=["empty", "cut", "null", "list", "text", "no UTF-8", "deep", "no fields", "another schema"],
)
def test_a_damaged_record_is_skipped_with_a_note(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, RECORD)
    (tmp_path / "20990101T000000.000000Z.json").write_bytes(content)
    found = read(tmp_path)
    assert found.records == (RECORD,)
    assert len(found.notes) == 1
    assert "20990101T000000.000000Z.json is skipped" in found.notes[0]
    assert "\n" not in found.notes[0]


def test_a_cut_record_is_damaged_wherever_it_is_cut(tmp_path: Path) -> None:
    text = json.dumps(to_json(RECORD))
    for length in range(0, len(text), 37):
        (tmp_path / "one.json").write_text(text[:length])
        assert read(tmp_path).records == ()


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".20990101T000000.000000Z.json.1234.new").write_text("a draft")
    write(tmp_path, RECORD)
    assert read(tmp_path) == History((RECORD,))
    assert (tmp_path / "notes.txt").exists()


def test_without_a_record_the_error_names_the_next_command(tmp_path: Path) -> None:
    assert read(tmp_path / "absent") == History(())
    (tmp_path / "file").write_text("")
    found = read(tmp_path / "file")
    assert found.records == ()
    with pytest.raises(ServiceFailedError) as caught:
        newest(found, "clinic")
    error = caught.value
    assert (error.exit_code, error.next_step) == (7, "inv start-all")
    assert "clinic" in error.seen
    assert error.expected
    assert "Not a directory" in error.details[0]
