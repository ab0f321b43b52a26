"""The records of the last starts: one file each, in the state folder of the project."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.history.record import StartRecord, from_json, to_json
from rofecare_infra.settings import Settings

KEPT = 50


@dataclass(frozen=True)
class History:
    """The records that can be read, oldest first, and a note on each one that cannot."""

    records: tuple[StartRecord, ...]
    notes: tuple[str, ...] = ()


def folder_of(settings: Settings) -> Path:
    """The folder of the records of one project."""
    return settings.state_folder / "starts" / settings.project


def write(folder: Path, record: StartRecord) -> None:
    """Write a record, and remove the oldest ones beyond those that are kept. Raises OSError."""
    state.make_folder(folder)
    name = f"{datetime.fromtimestamp(record.began, UTC):%Y%m%dT%H%M%S.%fZ}.json"
    # Every user may read it: it contains no secret.
    state.replace(folder / name, json.dumps(to_json(record), indent=1) + "\n", mode=0o644)
    for path in _files(folder)[:-KEPT]:
        path.unlink(missing_ok=True)


def read(folder: Path) -> History:
    """All records of a folder; one that is damaged is skipped with a note."""
    records, notes = [], []
    try:
        paths = _files(folder)
    except FileNotFoundError:
        return History(())
    except OSError as error:
        return History((), (f"the records of starts in {folder} cannot be read: {error.strerror}",))
    for path in paths:
        try:
            records.append(from_json(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            notes.append(f"{path} is skipped, it is not the record of a start: {type(error).__name__}: {error}")
    return History(tuple(records), tuple(notes))


def newest(history: History, project: str) -> StartRecord:
    """The record of the last start. Raises ServiceFailedError if there is none."""
    if not history.records:
        raise ServiceFailedError(
            "no start is recorded",
            seen=f"no readable record of a start of {project}",
            expected="a platform that inv start-all or inv start-infra has started",
            next_step="inv start-all",
            details=history.notes,
        )
    return history.records[-1]


def _files(folder: Path) -> list[Path]:
    """The files of the records, oldest first. Raises OSError."""
    return sorted(path for path in folder.iterdir() if path.suffix == ".json")
