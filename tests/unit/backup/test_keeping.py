"""A copy in a second place is complete, and is made once."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.backup import copies, files
from rofecare_infra.backup.manifest import Backup
from rofecare_infra.backup.store import Store
from rofecare_infra.errors import VerificationError
from tests.support.fakes import drain
from tests.support.manifests import KEY, MANIFEST


@pytest.fixture
def backup(tmp_path: Path) -> Backup:
    store = Store(tmp_path / "here/rofecare", "rofecare")
    draft = store.folder / ".partial-x"
    draft.mkdir(parents=True)
    written = {"f.dump": files.write(draft / "f.dump", b"content")}
    return store.publish(draft, replace(MANIFEST, volumes=None, files=written), KEY)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_a_copy_is_whole_and_is_made_once(backup: Backup, tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    left = place / "rofecare/.partial-20200101T000000Z"
    left.mkdir(parents=True)
    for _ in range(2):
        drain(copies.send(backup, str(place), Store(backup.folder.parent, "rofecare"), None))
    assert names(place) == [backup.id, "f.dump", "manifest.hmac", "manifest.json", "rofecare"]
    assert Store(place / "rofecare", "rofecare").entries()[0].damage == ""


def test_a_place_that_is_not_mounted_is_an_error_and_the_backup_stays(backup: Backup, tmp_path: Path) -> None:
    with pytest.raises(VerificationError) as raised:
        drain(copies.send(backup, str(tmp_path / "there"), Store(backup.folder.parent, "rofecare"), None))
    assert "is it mounted" in raised.value.seen
    assert not (tmp_path / "there").exists()
    assert Store(backup.folder.parent, "rofecare").entries()[0].damage == ""


@pytest.mark.skipif(shutil.which("rsync") is None, reason="there is no rsync here")
def test_a_copy_by_rsync_has_its_name_at_the_end(
    backup: Backup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    # A remote host that is this machine: it runs the given commands here.
    ssh = '#!/bin/sh\nwhile [ "$1" != clinic ]; do shift; done\nshift\necho "$*" >> "$0.log"\nexec sh -c "$*"\n'
    (programs / "ssh").write_text(ssh)
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    place = tmp_path / "there it is"
    place.mkdir()
    for _ in range(2):
        drain(copies.send(backup, f"clinic:{place}", Store(backup.folder.parent, "rofecare"), None))
    assert names(place) == [backup.id, "f.dump", "manifest.hmac", "manifest.json", "rofecare"]
    assert "mv -T" in (programs / "ssh.log").read_text()
