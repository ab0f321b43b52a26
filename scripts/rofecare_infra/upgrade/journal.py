"""What an upgrade that was cut off needs to be undone: written before each step, gone at the end."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rofecare_infra.errors import CommandError
from rofecare_infra.settings import Settings


@dataclass(frozen=True)
class Entry:
    """The state before, and how far the upgrade went."""

    # Service -> the name of the image that it ran.
    services: Mapping[str, str] = field(default_factory=dict)
    # That name -> the id that it meant.
    images: Mapping[str, str] = field(default_factory=dict)
    # The id of the backup; empty until it is taken.
    backup: str = ""
    # Services that were, or are just being, started with what is new.
    touched: tuple[str, ...] = ()
    # Unix time at which the entry was closed; 0 before.
    closed: float = 0.0


class Journal:
    """One file a project, below .rofecare/."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.state_folder / f"upgrade-{settings.project}.json"

    def read(self) -> Entry | None:
        """The upgrade that was not ended; None when there is none."""
        try:
            known = json.loads(self._path.read_text(encoding="utf-8"))
            return Entry(
                {str(name): str(image) for name, image in known["services"].items()},
                {str(name): str(image) for name, image in known["images"].items()},
                str(known["backup"]),
                tuple(map(str, known["touched"])),
                float(known["closed"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise CommandError(
                "the journal of an upgrade cannot be read",
                seen=f"{self._path}: {error}",
                expected="what an earlier inv upgrade wrote",
                next_step=f"inv backups; inv restore; then rm {self._path}",
            ) from error

    def write(self, entry: Entry) -> Entry:
        """Remember it, also through a power cut."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".new")
        with draft.open("w", encoding="utf-8") as out:
            json.dump(asdict(entry), out)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return entry

    def clear(self) -> None:
        """It is over."""
        self._path.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the journal. Raises CommandError while another command does; one that was killed holds nothing."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        path: Path = self._path.with_suffix(".lock")
        with path.open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError(
                    "another command is upgrading this platform",
                    seen=f"{path} is held",
                    expected="one upgrade at a time",
                    next_step="wait for its end, then the same command again",
                ) from error
            yield
