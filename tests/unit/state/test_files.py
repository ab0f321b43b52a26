"""A file that is replaced is the old one or the new one, with the mode that was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.state import replace, write


def test_the_new_one_in_place_of_the_old_one_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("old")
    (tmp_path / ".settings.new").write_text("left by a power cut")
    replace(path, "new", mode=0o640)
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
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
