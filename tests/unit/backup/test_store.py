"""What is listed as a backup and what is not; damage; notes that are not to be trusted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rofecare_infra.backup import files, integrity
from rofecare_infra.backup.encryption import decrypt, encrypt, pack, read_key, unpack
from rofecare_infra.backup.integrity import mark_verified, read
from rofecare_infra.backup.manifest import Backup, FileRecord
from rofecare_infra.backup.store import Store
from rofecare_infra.errors import SettingsError, UsageError, VerificationError
from tests.support.fakes import drain
from tests.support.manifests import MANIFEST

ID = MANIFEST.id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "rofecare", "rofecare")


@pytest.fixture
def backup(store: Store) -> Backup:
    draft = store.folder / ".partial-x"
    draft.mkdir(parents=True)
    written = {name: files.write(draft / name, name.encode()) for name in ("f.dump", "identity-db.roles.sql")}
    return store.publish(draft, replace(MANIFEST, volumes=None, files=written))


def check(store: Store, backup: Backup) -> Backup:
    return drain(integrity.check(backup.folder, store.project, None))[1]


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


@pytest.mark.parametrize("name", ["f.dump", "identity-db.roles.sql", "manifest.json", "manifest.sha256"])
@pytest.mark.parametrize("fault", [flip, Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:-1])])
def test_whatever_happens_to_a_file_is_seen_and_the_file_named(
    store: Store, backup: Backup, name: str, fault: Callable[[Path], None]
) -> None:
    mark_verified(backup, datetime(2026, 11, 24, tzinfo=UTC))
    fault(backup.folder / name)
    with pytest.raises(VerificationError) as raised:
        check(store, backup)
    assert name in f"{raised.value.what} {raised.value.seen}"


def test_a_file_that_does_not_belong_there_is_told_and_changes_nothing(store: Store, backup: Backup) -> None:
    (backup.folder / "extra").touch()
    events, checked = drain(integrity.check(backup.folder, store.project, None))
    assert checked == backup
    assert any("extra" in str(event) for event in events)


def test_a_backup_of_another_project_is_refused_unless_it_is_named(store: Store, backup: Backup) -> None:
    with pytest.raises(VerificationError) as raised:
        drain(integrity.check(backup.folder, "clinic", None))
    assert "project rofecare" in raised.value.seen
    assert Store(store.folder, "clinic").entries()[0].damage == "a backup of rofecare"


def test_a_folder_without_a_manifest_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(VerificationError, match=r"manifest\.json"):
        read(tmp_path)


def test_verified_is_said_of_the_very_manifest_only(store: Store, backup: Backup) -> None:
    moment = datetime(2026, 11, 24, 23, tzinfo=UTC)
    mark_verified(backup, moment)
    assert store.entries()[0].verified == moment.isoformat()
    note = backup.folder / "verified.json"
    for wrong in ("", "{}", "[]", json.dumps({"manifest": "0" * 64, "verified": moment.isoformat()})):
        note.write_text(wrong)
        assert store.entries()[0].verified == ""


def test_a_backup_with_a_file_of_another_size_is_damaged_at_a_glance(store: Store, backup: Backup) -> None:
    (backup.folder / "f.dump").write_bytes(b"")
    assert "f.dump has 0 bytes" in store.entries()[0].damage
    (backup.folder / "f.dump").unlink()
    assert "f.dump" in store.entries()[0].damage


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


KEY = b"0123456789abcdef"


def test_a_encrypted_archive_opens_with_its_key_alone() -> None:
    contents = {"secrets/a": b"x", "roles/b.sql": b""}
    encrypted = encrypt(pack(contents), KEY)
    opened = decrypt(encrypted, KEY)
    assert opened is not None
    assert unpack(opened) == contents
    assert decrypt(encrypted, b"another key, long") is None
    for place in range(0, len(encrypted), 97):
        broken = bytearray(encrypted)
        broken[place] ^= 1
        assert decrypt(bytes(broken), KEY) is None
    assert decrypt(encrypted[:20], KEY) is None


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("0123\n")
    for name in ("short", "missing"):
        with pytest.raises(SettingsError, match="the key of the backups"):
            read_key(tmp_path / name)
