"""Journals and locks: what is on the disk, and what a second command sees."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.settings import Assignment, Settings
from rofecare_infra.state import Journal, JournalKind
from rofecare_infra.state import journal as module


@dataclass(frozen=True)
class Entry:
    step: str
    done: bool = False


KIND = JournalKind("move", lambda known: Entry(str(known["step"]), bool(known["done"])), "inv move", "rm {path}")


def journal(root: Path, kind: JournalKind[Entry] = KIND) -> Journal[Entry]:
    return Journal(Settings(root, {"COMPOSE_PROJECT_NAME": Assignment("ward", "a test")}), kind)


def test_an_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    one = journal(tmp_path)
    assert (one.read(), one.exists()) == (None, False)
    one.write(Entry("first"))
    assert one.write(Entry("second", done=True)) == Entry("second", done=True)
    assert (journal(tmp_path).read(), one.exists()) == (Entry("second", done=True), True)
    assert json.loads((tmp_path / ".rofecare/move-ward.json").read_text()) == {"step": "second", "done": True}
    one.clear()
    assert (one.read(), one.exists()) == (None, False)


def test_the_kind_chooses_the_mode(tmp_path: Path) -> None:
    one = journal(tmp_path, JournalKind("move", KIND.parse, "inv move", "", mode=0o600))
    one.write(Entry("first"))
    assert one.path.stat().st_mode & 0o777 == 0o600


def test_a_cleared_journal_is_off_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[Path, list[Path]]] = []
    monkeypatch.setattr(module, "sync_folder", lambda folder: synced.append((folder, list(folder.iterdir()))))
    one = journal(tmp_path)
    one.clear()
    assert synced == []
    one.write(Entry("first"))
    one.clear()
    assert synced == [(tmp_path / ".rofecare", [])]


def test_what_cannot_be_written_or_removed_is_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = journal(tmp_path)
    one.write(Entry("first"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "replace", refuse)
    with pytest.raises(CommandError, match="the journal of the move cannot be written") as caught:
        one.write(Entry("second"))
    assert caught.value.seen == f"{one.path}: No space left on device"
    assert one.read() == Entry("first")
    monkeypatch.setattr(module, "sync_folder", refuse)
    with pytest.raises(CommandError, match="the journal of the move cannot be removed"):
        one.clear()


@pytest.mark.parametrize("content", ["{", "[]", "null", '{"step": "first"}'])
def test_an_unreadable_journal_is_an_error_that_names_the_file(tmp_path: Path, content: str) -> None:
    one = journal(tmp_path)
    one.path.parent.mkdir()
    one.path.write_text(content)
    with pytest.raises(CommandError, match="the journal of an interrupted move cannot be read") as caught:
        one.read()
    assert str(one.path) in caught.value.seen
    assert caught.value.expected == "an entry written by inv move"
    assert caught.value.next_step == f"rm {one.path}"


def test_the_kind_chooses_the_error(tmp_path: Path) -> None:
    one = journal(tmp_path, JournalKind("move", KIND.parse, "inv move", "", error=VerificationError))
    one.path.parent.mkdir()
    one.path.write_text("{")
    with pytest.raises(VerificationError):
        one.read()
