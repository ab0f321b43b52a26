"""Metrics of the backups: a text file that the node exporter reads, written after every backup and verification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup.store import Entry, store_of
from rofecare_infra.errors import RofecareError
from rofecare_infra.settings import Settings

_PREFIX = "rofecare_backup_last_"
SUCCESS = f"{_PREFIX}success_timestamp_seconds"
FAILURE = f"{_PREFIX}failure_timestamp_seconds"
VERIFIED = f"{_PREFIX}verified_timestamp_seconds"
VERIFICATION = f"{_PREFIX}verification_success"


def folder_of(settings: Settings) -> Path:
    """The folder that is mounted in the exporter of this project."""
    return settings.state_folder / "metrics" / settings.project


def write(settings: Settings, news: Mapping[str, float] | None = None) -> None:
    """Write the state of the backups, and `news`: a failure, or the result of a verification.

    Never raises: a backup succeeds whether its metrics can be written or not. Old metrics raise the alert.
    """
    path = folder_of(settings) / "backups.prom"
    try:
        values = {**_remembered(path), **_state_of(store_of(settings).entries()), **(news or {})}
        state.make_folder(path.parent)
        path.parent.chmod(0o755)  # readable for the user of the exporter
        state.replace(path, "".join(f"{name} {value:.0f}\n" for name, value in sorted(values.items())), mode=0o644)
    except (OSError, RofecareError):
        return


def now() -> float:
    """The current time as a metric."""
    return datetime.now(UTC).timestamp()


def _state_of(entries: tuple[Entry, ...]) -> dict[str, float]:
    intact = [entry for entry in entries if not entry.damage]
    if not intact:
        return {}
    verified = [datetime.fromisoformat(entry.verified) for entry in intact if entry.verified]
    # If none was ever verified, the age of the oldest backup counts.
    return {
        SUCCESS: intact[-1].moment.timestamp(),
        VERIFIED: max(verified, default=intact[0].moment).timestamp(),
    }


def _remembered(path: Path) -> dict[str, float]:
    """Earlier results that cannot be derived from the folder of the backups."""
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return {name: float(value) for name, value in lines if name in {FAILURE, VERIFICATION}}
    except (OSError, ValueError):
        return {}
