"""The file of a secret is whole at every moment, and the old one is there until the new one is committed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.errors import SettingsError
from rofecare_infra.rotation.files import SecretFile


@pytest.fixture
def file(tmp_path: Path) -> SecretFile:
    path = tmp_path / "db_password"
    path.write_text("old\n")
    path.chmod(0o444)
    return SecretFile(path)


def names(file: SecretFile) -> set[str]:
    return {path.name for path in file.path.parent.iterdir()}


def test_a_change_that_is_committed(file: SecretFile) -> None:
    file.stage("new")
    assert file.read() == "old"
    file.switch()
    assert file.read() == "new"
    assert file.candidates() == ("old", "new")
    file.commit()
    assert file.read() == "new"
    assert names(file) == {"db_password"}
    assert file.path.stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize("switched", [False, True])
def test_a_change_that_is_rolled_back(file: SecretFile, switched: bool) -> None:  # noqa: FBT001 - a parameter
    file.stage("new")
    if switched:
        file.switch()
    assert file.candidates() == ("old", "new")
    file.roll_back()
    assert file.path.read_text() == "old\n"
    assert names(file) == {"db_password"}


def test_rolling_back_twice_changes_nothing(file: SecretFile) -> None:
    file.roll_back()
    assert file.candidates() == ("old",)


def test_a_folder_that_was_removed_with_the_data(tmp_path: Path) -> None:
    gone = SecretFile(tmp_path / "gone" / "redis_password")
    gone.roll_back()
    assert not gone.path.parent.exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = SecretFile(tmp_path / "no-such-folder/db_password")
    with pytest.raises(SettingsError, match="cannot be written"):
        file.stage("new")
