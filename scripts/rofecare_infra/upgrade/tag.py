"""The tag of the applications in the settings file; all other bytes of the file stay as they are."""

from __future__ import annotations

import re
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import CommandError
from rofecare_infra.settings import Settings

TAG = "SERVICES_TAG"
_LINE = re.compile(rf"^[ \t]*(?:export[ \t]+)?{TAG}[ \t]*=[^\r\n]*", re.MULTILINE)


def line_of(settings: Settings) -> str:
    """The line that sets the tag; empty if there is none."""
    found = _LINE.search(_read(_file(settings)))
    return found[0] if found else ""


def write_tag(settings: Settings, tag: str) -> None:
    """Write the tag to the settings, atomically. Raises CommandError; then nothing has changed."""
    path = _file(settings)
    text, line = _read(path), f"{TAG}={tag}"
    if _LINE.search(text):
        _write(path, _LINE.sub(lambda _found: line, text, count=1))
    else:
        _write(path, f"{text}{'' if not text or text.endswith(chr(10)) else chr(10)}{line}\n")


def require_writable(settings: Settings) -> None:
    """Write the settings as they are. Raises CommandError: better now than after the downtime has begun."""
    path = _file(settings)
    _write(path, _read(path))


def restore_tag(settings: Settings, tag: str, before: str) -> None:
    """Undo `write_tag`, unless the line was changed since. Raises CommandError."""
    path = _file(settings)
    text = _read(path)
    found = _LINE.search(text)
    if not tag or found is None or found[0] != f"{TAG}={tag}" or found[0] == before:
        return
    _write(path, f"{text[: found.start()]}{before}{text[found.end() + (not before) :]}")


def _file(settings: Settings) -> Path:
    # It may be a symbolic link: its target is written.
    return settings.file.resolve()


def _read(path: Path) -> str:
    """The text; bytes that are not UTF-8 are kept, and written as they were."""
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise _unusable(path, error) from error


def _write(path: Path, text: str) -> None:
    try:
        content = text.encode("utf-8", "surrogateescape")
        state.replace(path, content, mode=path.stat().st_mode & 0o777 if path.exists() else 0o644)
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> CommandError:
    return CommandError(
        f"{TAG} cannot be written to the settings",
        seen=f"{path}: {error.strerror}",
        expected="a file that this user can replace, on a disk with free space",
        next_step="correct the cause (lsattr shows an immutable file), then run inv upgrade again",
    )
