"""The key file, files that are encrypted while they are written, and backups that another key made."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest

from rofecare_infra.backup import encryption, files, integrity, key, sealed
from rofecare_infra.backup.encryption import Encrypted, decrypted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import MANIFEST as NAME
from rofecare_infra.backup.manifest import Backup, FileRecord, described, description, from_text, to_text
from rofecare_infra.backup.store import Store
from rofecare_infra.errors import SettingsError, VerificationError
from rofecare_infra.settings import Assignment, Settings
from tests.support.fakes import drain
from tests.support.manifests import IDENTITY, KEY, MANIFEST

OTHER = Key(Path("/etc/other.key"), (str(pyrage.x25519.Identity.generate()),))
LARGE = os.urandom(1 << 20) * 3


def settings_with(folder: Path, file: Path | None = None) -> Settings:
    (folder / "docker").mkdir(exist_ok=True)
    chosen = {"BACKUP_KEY_FILE": Assignment(str(file), ".env")} if file else {}
    return Settings(folder, chosen)


@pytest.mark.parametrize("content", [b"", b"some content", LARGE])
def test_what_was_written_is_read_with_the_key_alone(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.age"
    record = encryption.write(file, content, KEY)
    assert record == files.record_of(file)
    assert encryption.read(file, KEY) == content
    # By the library of age itself.
    opened = io.BytesIO()
    with file.open("rb") as source:
        pyrage.decrypt_io(source, opened, [pyrage.x25519.Identity.from_str(IDENTITY)])
    assert opened.getvalue() == content
    if content:
        assert content not in file.read_bytes()
    for wrong in (OTHER, None):
        with pytest.raises(VerificationError, match=r"x\.age cannot be decrypted"):
            encryption.read(file, wrong)


@pytest.mark.parametrize(
    "change", [lambda text: text[:-1], lambda text: text[:-70000], lambda text: text[:90] + b"x" + text[91:]]
)
def test_a_changed_file_is_not_read_to_its_end(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "x.age"
    encryption.write(file, LARGE, KEY)
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(VerificationError, match="cannot be decrypted"):
        encryption.read(file, KEY)


def test_a_reader_that_ends_early_gets_no_error(tmp_path: Path) -> None:
    encryption.write(tmp_path / "x.age", LARGE, KEY)
    with decrypted(tmp_path / "x.age", KEY) as source:
        assert source.read(3) == LARGE[:3]
    with pytest.raises(ZeroDivisionError), decrypted(tmp_path / "x.age", KEY) as source:
        raise ZeroDivisionError


def test_a_full_disk_is_the_error_that_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.Written, "write", full)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):  # noqa: SIM117 - the error may come at the end
        with Encrypted(tmp_path / "x", KEY) as out:
            out.write(LARGE)


def test_a_failure_of_the_writer_leaves_no_thread_waiting(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Encrypted(tmp_path / "x.age", KEY):
        raise ZeroDivisionError
    assert (tmp_path / "x.age").exists()


def test_a_new_key_file(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    file = key.file_of(settings)
    with pytest.raises(SettingsError) as raised:
        key.key_of(settings)
    assert "inv init" in raised.value.next_step
    assert key.make(file)
    text = file.read_text()
    assert not key.make(file)
    assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o600
    made = key.key_of(settings)
    assert f"# public key: {made.recipient}" in text
    assert made.identities[0] not in repr(made)
    assert made.earlier == b""


def test_a_key_of_an_earlier_version_gets_an_identity_and_opens_its_secrets(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("0123456789abcdef\n")
    settings = settings_with(tmp_path, file)
    with pytest.raises(SettingsError, match="cannot be used") as raised:
        key.key_of(settings)
    assert "earlier version" in raised.value.seen
    assert key.make(file)
    assert key.key_of(settings).earlier == b"0123456789abcdef"


def test_several_identities(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{OTHER.identities[0]}\n# the one before\n{IDENTITY.lower()}\n")
    both = key.key_of(settings_with(tmp_path, file))
    assert both.recipient == OTHER.recipient
    encryption.write(tmp_path / "x.age", b"x", KEY)
    assert encryption.read(tmp_path / "x.age", both) == b"x"
    assert both.is_mac_of(b"x", KEY.mac(b"x"))
    assert not OTHER.is_mac_of(b"x", KEY.mac(b"x"))


def test_keys_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "key"
    for text in ("", "# nothing\n", f"{IDENTITY[:-1]}x\n"):
        file.write_text(text)
        with pytest.raises(SettingsError, match="the key of the backups cannot be used"):
            key.key_of(settings_with(tmp_path, file))
    within = tmp_path / "backups/key"
    within.parent.mkdir()
    within.write_text(IDENTITY)
    with pytest.raises(SettingsError, match="stored with the backups"):
        key.key_of(settings_with(tmp_path, within))


def test_a_missing_key_is_not_replaced_where_backups_were_made_with_it(tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    store = Store(tmp_path / "backups/rofecare", "rofecare")
    _, made = drain(store.usable_key(settings))
    key.file_of(settings).unlink()
    assert drain(store.usable_key(settings))[1] != made
    key.file_of(settings).unlink()
    published(store, KEY)
    with pytest.raises(SettingsError, match="cannot be used"):
        drain(store.usable_key(settings))
    assert not key.file_of(settings).exists()


def published(store: Store, with_key: Key) -> Backup:
    draft = store.folder / ".partial-x"
    draft.mkdir(parents=True)
    contents = {"f.dump.age": b"dump", "identity-db.roles.sql.age": b"roles"}
    contents["f.facts.json.age"] = description(MANIFEST.databases[0]).encode()
    written = {name: encryption.write(draft / name, content, with_key) for name, content in contents.items()}
    manifest = replace(MANIFEST, volumes={}, files=written, recipient=with_key.recipient)
    return store.publish(draft, manifest, with_key)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "rofecare", "rofecare", key=KEY)


def test_a_backup_made_with_another_key(store: Store) -> None:
    backup = published(store, OTHER)
    with pytest.raises(VerificationError, match="not made with the key") as raised:
        drain(integrity.check(backup.folder, "rofecare", KEY))
    assert OTHER.recipient in raised.value.seen
    assert "not made with the key" in store.entries()[0].damage or store.entries()[0].damage


def test_a_change_that_is_consistent_except_for_the_mac(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = published(store, KEY)
    (backup.folder / "f.dump.age").unlink()
    forged = encryption.write(backup.folder / "f.dump.age", b"DROP TABLE patients", KEY)
    manifest = replace(backup.manifest, files={**backup.manifest.files, "f.dump.age": forged})
    (backup.folder / NAME).write_text(to_text(manifest))

    def never(*_: object) -> None:
        raise AssertionError("something was decrypted")

    monkeypatch.setattr(encryption, "read", never)
    with pytest.raises(VerificationError, match="changed"):
        drain(integrity.check(backup.folder, "rofecare", KEY))


def test_without_a_mac_it_does_not_pass_for_a_backup_of_an_earlier_version(store: Store) -> None:
    backup = published(store, KEY)
    (backup.folder / "manifest.hmac").unlink()
    digest = files.record_of(backup.folder / NAME).sha256
    (backup.folder / "manifest.sha256").write_text(f"{digest}  {NAME}\n")
    with pytest.raises(VerificationError, match="damaged"):
        drain(integrity.check(backup.folder, "rofecare", KEY, unencrypted=True))


def test_a_backup_of_an_earlier_version_needs_the_flag(store: Store) -> None:
    folder = store.folder / MANIFEST.id
    folder.mkdir(parents=True)
    record = MANIFEST.databases[0]
    written = {name: files.write(folder / name, b"x") for name in ("f.dump", "identity-db.roles.sql")}
    fields = json.loads(to_text(replace(MANIFEST, volumes={}, files=written)))
    fields |= {
        "format": 1,
        "databases": [{"service": record.service, "name": record.name, "file": "f.dump", "size": 7}],
    }
    fields["databases"][0] |= json.loads(description(record))
    fields["servers"]["identity-db"]["roles_file"] = "identity-db.roles.sql"
    for name in ("platform", "sequence", "clock", "recipient", "omitted", "missing"):
        del fields[name]
    text = json.dumps(fields)
    (folder / NAME).write_text(text)
    digest = files.record_of(folder / NAME).sha256
    (folder / "manifest.sha256").write_text(f"{digest}  {NAME}\n")
    assert store.entries()[0].damage == ""
    with pytest.raises(VerificationError, match="neither encrypted nor signed") as raised:
        drain(integrity.check(folder, "rofecare", KEY))
    assert "--unencrypted" in raised.value.next_step
    _, backup = drain(integrity.check(folder, "rofecare", KEY, unencrypted=True))
    assert backup.manifest.databases[0].facts == record.facts
    assert encryption.read(folder / "f.dump", None) == b"x"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "../../etc"),
        ("project", "x; rm -rf /"),
        ("platform", "../x"),
        ("files", {"../x": {"size": 1, "sha256": ""}}),
        ("files", {"-x": {"size": 1, "sha256": ""}}),
        ("files", {".x": {"size": 1, "sha256": ""}}),
    ],
)
def test_names_that_lead_elsewhere_are_refused(field: str, value: object) -> None:
    fields = json.loads(to_text(MANIFEST)) | {field: value}
    with pytest.raises(ValueError, match="not a valid name"):
        from_text(json.dumps(fields))


@pytest.mark.parametrize("image", ["--privileged", "x y", "-v", "a;b"])
def test_an_image_that_would_be_a_flag_is_refused(image: str) -> None:
    servers = {"identity-db": replace(MANIFEST.servers["identity-db"], image=image)}
    with pytest.raises(ValueError, match="not a valid name"):
        from_text(to_text(replace(MANIFEST, servers=servers)))


def test_the_manifest_shows_no_content() -> None:
    text = to_text(MANIFEST)
    assert "patients" not in text
    assert "CREATE" not in text
    bare = from_text(text).databases[0]
    assert bare.facts.tables == {}
    assert described(bare, description(MANIFEST.databases[0])) == MANIFEST.databases[0]


def test_secrets_of_an_earlier_version_open_with_their_key_alone() -> None:
    """The layout of that version: a magic line, salt, nonce, and AES-256-GCM under a key derived by scrypt."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    salt, nonce, magic = b"s" * 16, b"n" * 12, b"rofecare sealed 1\n"
    derived = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(b"0123456789abcdef")
    content = magic + salt + nonce + AESGCM(derived).encrypt(nonce, b"content", magic)
    assert sealed.decrypt(content, b"0123456789abcdef") == b"content"
    assert sealed.decrypt(content, b"another key, long") is None
    assert sealed.decrypt(content[:20], b"0123456789abcdef") is None
    assert sealed.decrypt(b"else", b"0123456789abcdef") is None


def test_a_record_of_an_empty_file(tmp_path: Path) -> None:
    assert files.write(tmp_path / "x", b"") == FileRecord(0, files.record_of(tmp_path / "x").sha256)
