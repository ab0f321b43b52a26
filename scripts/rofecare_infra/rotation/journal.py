"""What a change that was cut off leaves behind, so that the next command can end it. It holds no secret."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.errors import CommandError
from rofecare_infra.settings import Settings


@dataclass(frozen=True)
class Entry:
    """Which secret was being changed, and whether the new one was proven already."""

    secret: str
    proven: bool = False


class Journal:
    """One file a project, below .rofecare/."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.state_folder / f"rotation-{settings.project}.json"

    def read(self) -> Entry | None:
        """The change that was not ended; None when there is none."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
            return Entry(str(known["secret"]), bool(known["proven"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise CommandError(
                "the journal of a changed secret cannot be read",
                seen=f"{self._path}: {error}",
                expected="what an earlier inv rotate wrote",
                next_step=f"look for .*.old in the secrets folder; where there is none, rm {self._path}",
            ) from error

    def write(self, entry: Entry) -> None:
        """Remember it, also through a power cut."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as out:
            json.dump({"secret": entry.secret, "proven": entry.proven}, out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def clear(self) -> None:
        """It is over."""
        self._path.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the journal. Raises CommandError while another command does; one that was killed holds nothing."""
        path = self._lock()
        with path.open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError(
                    "a secret is being changed by another command",
                    seen=f"{path} is held",
                    expected="one change at a time",
                    next_step="wait for its end, then the same command again",
                ) from error
            yield

    def _lock(self) -> Path:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._path.with_suffix(".lock")
