"""A file that is replaced is the old one or the new one, with the mode that was asked for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rofecare_infra.state import make_folder, replace, write


def test_the_new_one_in_place_of_the_old_one_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("old")
    left = tmp_path / ".settings.1234abcd.new"
    left.write_text("left by a power cut")
    os.utime(left, (0, 0))
    replace(path, "new", mode=0o640)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_at_once_each_publish_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "settings"
    rename = Path.replace

    def meanwhile(draft: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", rename)
        replace(path, "by the second")
        assert path.read_text() == "by the second"
        return draft.replace(target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    replace(path, "by the first")
    assert path.read_text() == "by the first"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        replace(path, "\udc80")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_takes_nobodys_place(tmp_path: Path) -> None:
    write(tmp_path / "one", "first")
    with pytest.raises(FileExistsError):
        write(tmp_path / "one", "second")
    assert (tmp_path / "one").read_text() == "first"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_belongs_to_the_owner_of_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 4242, 4343)
    folder = make_folder(tmp_path / "state" / "deep", mode=0o700)
    replace(folder / "journal", "{}", mode=0o600)
    for path in (tmp_path / "state", folder, folder / "journal"):
        assert (path.stat().st_uid, path.stat().st_gid) == (4242, 4343)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "journal").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_exists_keeps_its_owner(tmp_path: Path) -> None:
    os.chown(tmp_path, 4242, 4343)
    (tmp_path / "there").mkdir()
    make_folder(tmp_path / "there")
    assert (tmp_path / "there").stat().st_uid == 0
