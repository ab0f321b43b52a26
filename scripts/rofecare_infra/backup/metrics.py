"""Metrics of the backups: a text file that the node exporter reads, written after every backup and verification."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup.store import Entry, store_of
from rofecare_infra.errors import RofecareError
from rofecare_infra.project import Project
from rofecare_infra.settings import Settings

_PREFIX = "rofecare_backup_last_"
SUCCESS = f"{_PREFIX}success_timestamp_seconds"
FAILURE = f"{_PREFIX}failure_timestamp_seconds"
VERIFIED = f"{_PREFIX}verified_timestamp_seconds"
VERIFICATION = f"{_PREFIX}verification_success"
# Whether the clock was plausible when the newest one was taken.
CLOCK = f"{_PREFIX}clock_plausible"


def folder_of(settings: Settings) -> Path:
    """The folder that is mounted in the exporter of this project."""
    return settings.state_folder / "metrics" / settings.project


def write(project: Project, news: Mapping[str, float] | None = None) -> None:
    """Write the state of the backups, and `news`: a failure, or the result of a verification.

    Never raises: a backup succeeds whether its metrics can be written or not. Old metrics raise the alert.
    """
    path = folder_of(project.settings) / "backups.prom"
    try:
        moment = datetime.now(UTC)
        found = _state_of(store_of(project).entries(), moment)
        values = {**_remembered(path, moment), **found, **(news or {})}
        state.make_folder(path.parent)
        path.parent.chmod(0o755)  # readable for the user of the exporter
        state.replace(path, "".join(f"{name} {value:.0f}\n" for name, value in sorted(values.items())), mode=0o644)
    except (OSError, RofecareError):
        return


def now() -> float:
    """The current time as a metric."""
    return datetime.now(UTC).timestamp()


def _state_of(entries: tuple[Entry, ...], now: datetime) -> dict[str, float]:
    own = [entry for entry in entries if not entry.foreign]
    good = [entry for entry in own if entry.is_good]
    if not own:
        return {}
    values = {CLOCK: float(not own[-1].is_marked)}
    # No alert becomes silent because of a time in the future, or of a clock that was absurd.
    taken = [one.moment for one in good if not one.is_marked and one.moment <= now]
    verified = [datetime.fromisoformat(one.verified) for one in good if one.verified]
    if taken:
        # If none was ever verified, the age of the oldest backup counts.
        values[SUCCESS] = taken[-1].timestamp()
        values[VERIFIED] = max((one for one in verified if one <= now), default=taken[0]).timestamp()
    return values


def _remembered(path: Path, now: datetime) -> dict[str, float]:
    """Earlier results that cannot be derived from the folder of the backups."""
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        found = {name: float(value) for name, value in lines if name in {FAILURE, VERIFICATION}}
    except (OSError, ValueError):
        return {}
    # A failure in the future would hide behind it every success until then.
    return {name: value for name, value in found.items() if value <= now.timestamp()}
