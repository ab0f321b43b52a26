"""What the monitoring is told of the backups: a file that the node exporter reads, written after each of them."""

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
    """The folder that the exporter of this project has mounted."""
    return settings.state_folder / "metrics" / settings.project


def tell(settings: Settings, news: Mapping[str, float] | None = None) -> None:
    """Write down which backups there are now, and what just happened beside: a failure, a verification.

    Never an error: a backup that was taken is one, whether the monitoring hears of it or not. It then stays at the
    old age, and warns.
    """
    path = folder_of(settings) / "backups.prom"
    try:
        values = {**_remembered(path), **_present(store_of(settings).entries()), **(news or {})}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o755)  # whoever reads it in a container is another user
        state.replace(path, "".join(f"{name} {value:.0f}\n" for name, value in sorted(values.items())), mode=0o644)
    except (OSError, RofecareError):
        return


def now() -> float:
    """The time as metrics have it."""
    return datetime.now(UTC).timestamp()


def _present(entries: tuple[Entry, ...]) -> dict[str, float]:
    good = [entry for entry in entries if not entry.damage]
    if not good:
        return {}
    verified = [datetime.fromisoformat(entry.verified) for entry in good if entry.verified]
    # Where none was ever verified, the oldest says since when one could have been.
    return {
        SUCCESS: good[-1].moment.timestamp(),
        VERIFIED: max(verified, default=good[0].moment).timestamp(),
    }


def _remembered(path: Path) -> dict[str, float]:
    """What happened before and cannot be seen in the folder of the backups."""
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return {name: float(value) for name, value in lines if name in {FAILURE, VERIFICATION}}
    except (OSError, ValueError):
        return {}
