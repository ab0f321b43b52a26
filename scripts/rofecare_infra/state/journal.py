"""A journal: the record of a change in progress, so that the next command can recover from an interruption.

Each project has one file a kind of change in the state folder. It is written before each step and removed at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rofecare_infra.errors import CommandError, RofecareError
from rofecare_infra.settings import Settings
from rofecare_infra.state.files import make_folder, replace, sync_folder

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

E = TypeVar("E", bound="DataclassInstance")


@dataclass(frozen=True)
class JournalKind(Generic[E]):
    """What a kind of change records, and the texts of its errors."""

    # The first part of the file name.
    subject: str
    # From the parsed JSON to the entry; may raise ValueError, LookupError, TypeError or AttributeError.
    parse: Callable[[Mapping[str, Any]], E]
    # The command that writes it.
    writer: str
    # What to do with a file that cannot be read; {path} is replaced.
    remedy: str
    error: type[RofecareError] = CommandError
    # The mode of the file; None leaves it to the umask.
    mode: int | None = None


class Journal(Generic[E]):
    """The journal of one project and kind of change."""

    def __init__(self, settings: Settings, kind: JournalKind[E]) -> None:
        self.path: Path = settings.state_folder / f"{kind.subject}-{settings.project}.json"
        self._kind = kind

    def exists(self) -> bool:
        """Whether a change is in progress or was interrupted."""
        return self.path.exists()

    def read(self) -> E | None:
        """The entry of a change in progress; None when there is none. Raises the kind's error for an unreadable one."""
        try:
            return self._kind.parse(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise self._kind.error(
                f"the journal of an interrupted {self._kind.subject} cannot be read",
                seen=f"{self.path}: {error}",
                expected=f"an entry written by {self._kind.writer}",
                next_step=self._kind.remedy.format(path=self.path),
            ) from error

    def write(self, entry: E) -> E:
        """Replace the entry; it is on the disk when this returns. Raises the kind's error if it cannot be written.

        After an error or an interruption only `read` knows whether the new entry is in force.
        """
        try:
            make_folder(self.path.parent)
            replace(self.path, json.dumps(asdict(entry)) + "\n", mode=self._kind.mode)
        except OSError as error:
            raise self._unusable("written", error) from error
        return entry

    def clear(self) -> None:
        """Remove the entry: the change is complete. It is off the disk when this returns."""
        try:
            self.path.unlink()
            sync_folder(self.path.parent)
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._unusable("removed", error) from error

    def _unusable(self, action: str, error: OSError) -> RofecareError:
        return self._kind.error(
            f"the journal of the {self._kind.subject} cannot be {action}",
            seen=f"{self.path}: {error.strerror}",
            expected="a folder with free space that this user can write to",
            next_step="correct the cause, then inv start-all",
        )
