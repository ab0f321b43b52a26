"""The task `inv timeline`, without an engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from rofecare_infra.boundary.command import CHECKOUT
from rofecare_infra.boundary.tasks.status import timeline
from rofecare_infra.history import folder_of, write
from tests.support.fakes import settings
from tests.support.starts import BEGAN, PLATFORM, at, start_of

RECORD = start_of(PLATFORM)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the records of the project that the task opens."""
    here = settings(tmp_path)
    monkeypatch.setattr("rofecare_infra.project.load_home", lambda _root, _connect: (here, ()))
    monkeypatch.setenv("COLUMNS", "80")
    return folder_of(here)


def shown(capsys: pytest.CaptureFixture[str], root: Path, **flags: Any) -> str:
    timeline(Context(Config({CHECKOUT: str(root)})), **flags)
    return capsys.readouterr().out


def test_it_draws_the_newest_start(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, at(RECORD, BEGAN - 86400))
    write(folder, RECORD)
    (folder / "0.json").write_text("{")
    output = shown(capsys, tmp_path)
    assert "start of 2023-11-14 22:13:20 UTC: ready after 60.0 s" in output
    assert output.startswith("note: ")
    assert "\x1b" not in output
    assert "* patient" in output


def test_it_compares_and_writes_the_picture(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, at(RECORD, BEGAN - 86400))
    write(folder, RECORD)
    output = shown(capsys, tmp_path, compare=True, svg=str(tmp_path / "start.svg"))
    assert "MEDIAN OF 1" in output
    assert "no service was slower than usual" in output
    assert (tmp_path / "start.svg").read_text().startswith("<svg")


def test_it_prints_one_document(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder, at(RECORD, BEGAN - 86400))
    write(folder, RECORD)
    found = json.loads(shown(capsys, tmp_path, json=True, compare=True))
    assert (found["schema"], found["began"], found["compared"]["starts"]) == (1, BEGAN, 1)


@pytest.mark.parametrize("flags", [{}, {"compare": True}, {"json": True}])
def test_without_a_record_it_is_an_error(folder: Path, tmp_path: Path, flags: dict[str, bool]) -> None:
    assert not folder.exists()
    with pytest.raises(Exit) as caught:
        timeline(Context(Config({CHECKOUT: str(tmp_path)})), **flags)
    assert caught.value.code == 7
    assert "inv start-all" in str(caught.value.message)


def test_one_record_cannot_be_compared(folder: Path, tmp_path: Path) -> None:
    write(folder, RECORD)
    with pytest.raises(Exit) as caught:
        timeline(Context(Config({CHECKOUT: str(tmp_path)})), compare=True)
    assert caught.value.code == 7
