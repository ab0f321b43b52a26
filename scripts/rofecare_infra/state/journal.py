"""What a command that was cut off leaves behind, so that the next one can end it: one file a project and subject."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rofecare_infra.errors import CommandError
from rofecare_infra.settings import Settings
from rofecare_infra.state.files import replace

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

E = TypeVar("E", bound="DataclassInstance")


class Journal(Generic[E]):
    """Entries of one kind, each in place of the one before it, and a lock for who writes them."""

    # What its errors say: what cannot be read, who wrote it, what to do (the file is {path}); who else is at work.
    unreadable: str
    written_by: str
    remedy: str
    busy: str
    alone_expected: str

    def __init__(self, settings: Settings, subject: str, entry: Callable[[Mapping[str, Any]], E]) -> None:
        self._path = settings.state_folder / f"{subject}-{settings.project}.json"
        self._entry = entry

    def read(self) -> E | None:
        """The entry of a command that did not come to its end; None when there is none.

        Raises CommandError for one that cannot be read.
        """
        try:
            return self._entry(json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise CommandError(
                self.unreadable,
                seen=f"{self._path}: {error}",
                expected=self.written_by,
                next_step=self.remedy.format(path=self._path),
            ) from error

    def write(self, entry: E) -> E:
        """Remember it, also through a power cut."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace(self._path, json.dumps(asdict(entry)))
        return entry

    def clear(self) -> None:
        """It is over."""
        self._path.unlink(missing_ok=True)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the journal. Raises CommandError while another command does; one that was killed holds nothing."""
        path = self._path.with_suffix(".lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError(
                    self.busy,
                    seen=f"{path} is held",
                    expected=self.alone_expected,
                    next_step="wait for its end, then the same command again",
                ) from error
            yield
