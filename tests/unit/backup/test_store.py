"""What is listed as a backup and what is not; damage; notes that are not to be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rofecare_infra.backup import encryption, files, integrity
from rofecare_infra.backup.integrity import mark_verified, read
from rofecare_infra.backup.manifest import Backup, FileRecord, description
from rofecare_infra.backup.store import Store
from rofecare_infra.errors import SettingsError, UsageError, VerificationError
from tests.support.fakes import drain
from tests.support.manifests import KEY, MANIFEST

ID = MANIFEST.id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "rofecare", "rofecare", key=KEY)


@pytest.fixture
def backup(store: Store) -> Backup:
    draft = store.folder / ".partial-x"
    draft.mkdir(parents=True)
    contents = {
        "f.dump.age": b"dump",
        "identity-db.roles.sql.age": b"roles",
        "f.facts.json.age": description(MANIFEST.databases[0]).encode(),
    }
    written = {name: encryption.write(draft / name, content, KEY) for name, content in contents.items()}
    return store.publish(draft, replace(MANIFEST, volumes={}, files=written), KEY)


def check(store: Store, backup: Backup) -> Backup:
    return drain(integrity.check(backup.folder, store.project, KEY))[1]


def test_a_published_backup_is_listed_and_whole(store: Store, backup: Backup) -> None:
    assert [(entry.id, entry.damage, entry.verified) for entry in store.entries()] == [(ID, "", "")]
    assert check(store, backup) == backup
    assert store.find("") == store.find(ID) == backup.folder


@pytest.mark.usefixtures("backup")
def test_what_a_killed_run_leaves_is_not_listed_and_is_removed(store: Store) -> None:
    (store.folder / ".partial-20261124T230000Z").mkdir()
    (store.folder / "notes").mkdir()
    assert [entry.id for entry in store.entries()] == [ID]
    assert store.clean() == (".partial-20261124T230000Z",)
    assert sorted(path.name for path in store.folder.iterdir()) == [ID, "notes"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["f.dump.age", "identity-db.roles.sql.age", "manifest.json", "manifest.hmac"])
@pytest.mark.parametrize("fault", [flip, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_whatever_happens_to_a_file_is_seen_and_the_file_named(
    store: Store, backup: Backup, name: str, fault: Callable[[Path], None]
) -> None:
    mark_verified(backup, datetime(2026, 11, 24, tzinfo=UTC), KEY)
    fault(backup.folder / name)
    with pytest.raises(VerificationError) as raised:
        check(store, backup)
    assert name in f"{raised.value.what} {raised.value.seen}"


def test_a_file_that_does_not_belong_there_is_told_and_changes_nothing(store: Store, backup: Backup) -> None:
    (backup.folder / "extra").touch()
    events, checked = drain(integrity.check(backup.folder, store.project, KEY))
    assert checked == backup
    assert any("extra" in str(event) for event in events)


def test_a_backup_of_another_project_is_refused_unless_it_is_named(store: Store, backup: Backup) -> None:
    with pytest.raises(VerificationError) as raised:
        drain(integrity.check(backup.folder, "clinic", KEY))
    assert "project rofecare" in raised.value.seen
    assert Store(store.folder, "clinic", key=KEY).entries()[0].foreign == "of project rofecare"


def test_a_folder_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=r"manifest\.json"):
        read(tmp_path, KEY)


def test_verified_is_said_of_the_very_manifest_only(store: Store, backup: Backup) -> None:
    moment = datetime(2026, 11, 24, 23, tzinfo=UTC)
    mark_verified(backup, moment, KEY)
    assert store.entries()[0].verified == moment.isoformat()
    note = backup.folder / "verified.json"
    for wrong in ("", "{}", "[]", json.dumps({"mac": "0" * 64, "verified": moment.isoformat()})):
        note.write_text(wrong)
        assert store.entries()[0].verified == ""


def test_a_backup_with_a_file_of_another_size_is_damaged_at_a_glance(store: Store, backup: Backup) -> None:
    (backup.folder / "f.dump.age").write_bytes(b"")
    assert "f.dump.age has 0 bytes" in store.entries()[0].damage
    (backup.folder / "f.dump.age").unlink()
    assert "f.dump.age" in store.entries()[0].damage


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="the folder of the backups cannot be used"):
        Store(tmp_path / "file/rofecare", "rofecare").make_folder()


@pytest.mark.usefixtures("backup")
def test_an_id_is_never_given_twice(store: Store) -> None:
    assert store.free_id(datetime.strptime(ID, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)) == "20261124T223001Z"


def test_an_unknown_id_is_a_fault_of_usage_and_no_backup_at_all_one_of_verification(store: Store) -> None:
    with pytest.raises(UsageError):
        store.find("20200101T000000Z")
    with pytest.raises(VerificationError):
        store.find("")


def test_what_was_written_is_what_was_digested(tmp_path: Path) -> None:
    assert files.write(tmp_path / "x", b"content") == files.record_of(tmp_path / "x")
    assert files.record_of(tmp_path / "x") == FileRecord(7, files.record_of(tmp_path / "x").sha256)
    with pytest.raises(FileExistsError):
        files.write(tmp_path / "x", b"")
