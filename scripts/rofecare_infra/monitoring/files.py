"""The secrets of the monitoring, read from their files."""

from __future__ import annotations

from pathlib import Path

from rofecare_infra.errors import SettingsError


def content(path: Path) -> str:
    """The secret in a file. Raises SettingsError if it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise SettingsError(
            "a secret of the monitoring cannot be used",
            seen=str(error),
            expected=f"{path} as a file of ASCII characters that this user may read and write",
            next_step="repair it; or remove it, if only the monitoring uses it: the next start creates a new one",
        ) from error
