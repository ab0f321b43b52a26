"""A copy in a second place, which may be shared: complete, made once, and never in the place of another one."""

from __future__ import annotations

import os
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.backup import copies, files
from rofecare_infra.backup.manifest import UNENCRYPTED, Backup
from rofecare_infra.backup.retention import Keep
from rofecare_infra.backup.store import Store
from rofecare_infra.errors import VerificationError
from rofecare_infra.settings import place
from tests.support import rsync
from tests.support.fakes import drain
from tests.support.manifests import KEY, MANIFEST

PLATFORM, OTHER = "a" * 32, "b" * 32
NAMES = ["f.dump.age", "manifest.hmac", "manifest.json"]
needs_rsync = pytest.mark.skipif(shutil.which("rsync") is None, reason="there is no rsync here")


def taken(folder: Path, platform: str = PLATFORM, content: bytes = b"content") -> Backup:
    store = Store(folder / "rofecare", "rofecare")
    draft = store.folder / ".partial-x"
    draft.mkdir(parents=True)
    written = {"f.dump.age": files.write(draft / "f.dump.age", content)}
    return store.publish(draft, replace(MANIFEST, volumes={}, files=written, platform=platform), KEY)


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    return taken(tmp_path / "here", content=os.urandom(1 << 20))


def send(backup: Backup, where: Path | str) -> None:
    local = Store(backup.folder.parent, "rofecare", key=KEY, platform=backup.manifest.platform)
    drain(copies.send(backup, place(str(where)), local, Keep(30, 1)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.name != ".retention.json")


def test_a_copy_is_complete_and_is_made_once(backup: Backup, tmp_path: Path) -> None:
    there = tmp_path / "there"
    (there / "rofecare" / PLATFORM / ".partial-20200101T000000Z").mkdir(parents=True)
    for _ in range(2):
        send(backup, there)
    assert names(there) == [backup.id, PLATFORM, *NAMES, "rofecare"]
    assert Store(there / "rofecare" / PLATFORM, "rofecare").entries()[0].damage == ""


def test_platforms_share_a_place(backup: Backup, tmp_path: Path) -> None:
    """The same project, the same second: nothing of the other platform, or of an earlier version, changes."""
    there = tmp_path / "there"
    there.mkdir()
    send(taken(tmp_path / "other", OTHER), there)
    send(taken(tmp_path / "earlier", ""), there)
    (there / "rofecare" / OTHER / ".partial-20261124T223000Z").mkdir()
    (there / "rofecare" / ".partial-20261124T223001Z").mkdir()
    before = names(there)
    send(backup, there)
    assert names(there) == sorted([*before, PLATFORM, backup.id, *NAMES])
    copied = there / "rofecare" / PLATFORM / backup.id / "f.dump.age"
    assert copied.read_bytes() == (backup.folder / "f.dump.age").read_bytes()


def test_a_name_that_another_backup_has_is_an_error(backup: Backup, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    send(taken(tmp_path / "copy of the machine"), there)
    with pytest.raises(VerificationError, match="taken by another backup") as raised:
        send(backup, there)
    assert str(there / "rofecare" / PLATFORM / backup.id) in raised.value.seen
    assert (there / "rofecare" / PLATFORM / backup.id / "f.dump.age").read_bytes() == b"content"


def test_a_damaged_copy_does_not_count(backup: Backup, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    send(backup, there)
    (there / "rofecare" / PLATFORM / backup.id / "f.dump.age").write_bytes(b"short")
    with pytest.raises(VerificationError, match="but not copied") as raised:
        send(backup, there)
    assert "f.dump.age has 5 bytes" in raised.value.seen


def test_a_place_that_is_not_mounted_is_an_error_and_the_backup_stays(backup: Backup, tmp_path: Path) -> None:
    with pytest.raises(VerificationError) as raised:
        send(backup, tmp_path / "there")
    assert "is it mounted" in raised.value.seen
    assert not (tmp_path / "there").exists()
    assert Store(backup.folder.parent, "rofecare").entries()[0].damage == ""


@needs_rsync
def test_a_copy_by_ssh_has_its_name_at_the_end(backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cut = rsync.make_ssh(tmp_path / "bin")
    monkeypatch.setenv("PATH", path)
    there = tmp_path / "there it is"
    there.mkdir()
    where = f"backup@[2001:db8::5]:{there}"
    cut.write_text("yes")
    with pytest.raises(VerificationError, match="but not copied"):
        send(backup, where)
    assert f".partial-{backup.id}" in names(there)
    assert backup.id not in names(there)
    cut.unlink()
    for _ in range(2):
        send(backup, where)
    assert names(there) == [backup.id, PLATFORM, *NAMES, "rofecare"]
    assert (tmp_path / "bin/ssh.log").read_text().count("mv -T") == 1
    with pytest.raises(VerificationError, match="taken by another backup"):
        send(taken(tmp_path / "copy of the machine"), where)


@needs_rsync
def test_a_copy_in_a_module_is_one_file_that_has_its_name_at_the_end(backup: Backup, tmp_path: Path) -> None:
    there = tmp_path / "module"
    with rsync.server(tmp_path, there) as server:
        server.cut = True
        with pytest.raises(VerificationError, match="but not copied"):
            send(backup, server.module)
        assert f"{backup.id}.tar" not in names(there)
        server.cut = False
        for _ in range(2):
            send(backup, server.module)
        assert names(there / "rofecare" / PLATFORM) == [f"{backup.id}.tar"]
        for content in (b"content", (backup.folder / "f.dump.age").read_bytes()[::-1]):
            other = taken(tmp_path / f"copy of the machine {len(content)}", content=content)
            with pytest.raises(VerificationError, match="taken by another backup"):
                send(other, server.module)
    with tarfile.open(there / "rofecare" / PLATFORM / f"{backup.id}.tar") as copied:
        copied.extractall(tmp_path / "fetched", filter="data")
    for name in NAMES:
        assert (tmp_path / "fetched" / backup.id / name).read_bytes() == (backup.folder / name).read_bytes()
    assert names(backup.folder.parent) == [backup.id, *NAMES]


@needs_rsync
def test_an_unencrypted_backup_does_not_go_to_a_module(backup: Backup, tmp_path: Path) -> None:
    earlier = Backup(backup.folder, replace(backup.manifest, format=UNENCRYPTED))
    with (
        rsync.server(tmp_path, tmp_path / "module") as server,
        pytest.raises(VerificationError, match="but not copied") as raised,
    ):
        send(earlier, server.module)
    assert "not encrypted" in raised.value.seen
    assert names(tmp_path / "module") == []
