"""A recorded start for other programs: one JSON document, or a file with its drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rofecare_infra import state
from rofecare_infra.errors import UsageError
from rofecare_infra.history.compare import Comparison
from rofecare_infra.history.path import critical_path
from rofecare_infra.history.picture import picture
from rofecare_infra.history.record import StartRecord, to_json


def document(record: StartRecord, comparison: Comparison | None = None, skipped: Sequence[str] = ()) -> dict[str, Any]:
    """The record with its critical path, the notes on records that were skipped, and the comparison if there is one."""
    path = critical_path(record.services, record.began)
    more: dict[str, Any] = {}
    if comparison is not None:
        rows = [{**asdict(one), "difference": one.growth, "slower": one.is_slower} for one in comparison.differences]
        more = {"compared": {**asdict(comparison), "differences": rows}}
    return {
        **to_json(record),
        "critical_path": [{"service": step.service.name, "seconds": round(step.seconds, 3)} for step in path],
        "skipped": list(skipped),
        **more,
    }


def save(record: StartRecord, path: Path) -> None:
    """Write the drawing to a file, or replace it. Raises UsageError where it cannot be written."""
    try:
        path = path.expanduser()
        state.replace(path, picture(record))
    except (OSError, RuntimeError) as error:
        raise UsageError(
            "the drawing cannot be written",
            seen=f"{path}: {error.strerror if isinstance(error, OSError) else error}",
            expected="a file in an existing folder that this user can write to",
            next_step="inv timeline --svg start.svg",
        ) from error
