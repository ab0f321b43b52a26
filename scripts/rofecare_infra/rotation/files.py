"""The file of a secret during a rotation: the new secret beside it, then in its place, the old one until the end.

    NAME  and .NAME.new                  the new secret is written
    NAME  is the new one, and .NAME.old  switched
    NAME  only                           committed or rolled back

Each step is one rename, so that a power cut leaves one of these states and NAME is a whole secret in all of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import SettingsError


@dataclass(frozen=True)
class SecretFile:
    """One secret's file."""

    path: Path

    @property
    def _next(self) -> Path:
        return self.path.with_name(f".{self.path.name}.new")

    @property
    def _last(self) -> Path:
        return self.path.with_name(f".{self.path.name}.old")

    def read(self) -> str:
        """The secret as programs read it: without the line break at the end."""
        return _read(self.path)

    def stage(self, value: str) -> None:
        """Write the new secret beside the old one. Raises SettingsError where this user has no permission."""
        try:
            self._next.unlink(missing_ok=True)
            state.write(self._next, value, mode=self.path.stat().st_mode & 0o777)
            self._flush()
        except OSError as error:
            raise SettingsError(
                "the new secret cannot be written",
                seen=str(error),
                expected=f"{self.path.parent} as a folder that this user may write to",
                next_step="correct the cause; nothing has been changed",
            ) from error

    def switch(self) -> None:
        """Replace the old secret with the new one; the old one stays beside it."""
        self._last.unlink(missing_ok=True)
        os.link(self.path, self._last)
        self._next.replace(self.path)
        self._flush()

    def candidates(self) -> tuple[str, ...]:
        """The secrets on the disk, the one from before the rotation first."""
        return tuple(_read(path) for path in (self._last, self.path, self._next) if path.exists())

    def roll_back(self) -> None:
        """Restore the old secret and remove the new one."""
        if self._last.exists():
            self._last.replace(self.path)
        self._next.unlink(missing_ok=True)
        self._flush()

    def commit(self) -> None:
        """Remove the old secret."""
        self._last.unlink(missing_ok=True)
        self._next.unlink(missing_ok=True)
        self._flush()

    def _flush(self) -> None:
        # The folder may have been removed together with the data.
        if self.path.parent.is_dir():
            state.sync_folder(self.path.parent)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip("\r\n")
