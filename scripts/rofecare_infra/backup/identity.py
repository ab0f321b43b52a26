"""The identity of a platform in its backups: an id, created once, and the sequence number of its last backup."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import RofecareError
from rofecare_infra.project import Project, marker
from rofecare_infra.settings import Settings

_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,15}")


def platform_id(project: Project) -> str:
    """The id of this platform: that of its marker in production, else of a file in the state folder.

    Empty if there is none yet, or the engine does not answer.
    """
    if project.production:
        with suppress(RofecareError):
            found = marker.read(project.engine, project.settings.project)
            return found.platform_id if found is not None else _read(_id_file(project.settings), _ID)
        return ""
    return _read(_id_file(project.settings), _ID)


def made_platform_id(project: Project) -> str:
    """The same; created if there is none. Raises OSError, and EngineError where the engine does not answer."""
    settings = project.settings
    found = marker.read(project.engine, settings.project) if project.production else None
    present = found.platform_id if found is not None else _read(_id_file(settings), _ID)
    return present or _write(_id_file(settings), secrets.token_hex(16))


def last_sequence(settings: Settings) -> int:
    """The sequence number of the last backup that was begun; 0 if that is not known."""
    return int(_read(_sequence_file(settings), _NUMBER) or 0)


def next_sequence(settings: Settings, known: int) -> int:
    """A sequence number above all earlier ones, and above `known`. Raises OSError."""
    return int(_write(_sequence_file(settings), str(max(known, last_sequence(settings)) + 1)))


def forget(settings: Settings) -> None:
    """Remove what was recorded of a platform that is removed for good."""
    for path in (_id_file(settings), _sequence_file(settings)):
        path.unlink(missing_ok=True)


def _id_file(settings: Settings) -> Path:
    return settings.state_folder / "platform" / f"{settings.project}.id"


def _sequence_file(settings: Settings) -> Path:
    return settings.state_folder / "platform" / f"{settings.project}.sequence"


def _read(path: Path, pattern: re.Pattern[str]) -> str:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
    return text if pattern.fullmatch(text) else ""


def _write(path: Path, text: str) -> str:
    state.make_folder(path.parent)
    state.replace(path, f"{text}\n", mode=0o644)
    return text
