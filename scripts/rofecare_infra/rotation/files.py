"""The file of a secret while it changes: the new one beside it, then in its place, the old one kept until it is over.

    NAME  and .NAME.new                  the new one is made
    NAME  is the new one, and .NAME.old  switched
    NAME  alone                          kept or put back

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
        """The secret as programs read it: without the line's end."""
        return _read(self.path)

    def stage(self, value: str) -> None:
        """Write the new secret beside the old one. Raises SettingsError where this user may not."""
        try:
            self._next.unlink(missing_ok=True)
            state.write(self._next, value, mode=self.path.stat().st_mode & 0o777)
            self._flush()
        except OSError as error:
            raise SettingsError(
                "the new secret cannot be written",
                seen=str(error),
                expected=f"{self.path.parent} as a folder that this user may write to",
                next_step="mend what was seen; nothing was changed",
            ) from error

    def switch(self) -> None:
        """Put the new one in the old one's place; the old one stays beside it."""
        self._last.unlink(missing_ok=True)
        os.link(self.path, self._last)
        self._next.replace(self.path)
        self._flush()

    def candidates(self) -> tuple[str, ...]:
        """The secrets that are here, the one that was in force before the change first."""
        return tuple(_read(path) for path in (self._last, self.path, self._next) if path.exists())

    def put_back(self) -> None:
        """The old one in its place again, and no trace of the new one."""
        if self._last.exists():
            self._last.replace(self.path)
        self._next.unlink(missing_ok=True)
        self._flush()

    def keep(self) -> None:
        """Forget the old one."""
        self._last.unlink(missing_ok=True)
        self._next.unlink(missing_ok=True)
        self._flush()

    def _flush(self) -> None:
        # A folder that is gone was given up together with the data: there is nothing in it.
        if self.path.parent.is_dir():
            state.sync_folder(self.path.parent)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8").rstrip("\r\n")
