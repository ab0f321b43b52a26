"""Records the engine's events while they happen: it keeps the last 256 only, and every health check makes three."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_SERVICE = "com.docker.compose.service"


@dataclass
class Recording:
    """The exits and health changes of one project; complete when its context has ended."""

    events: list[dict[str, Any]] = field(default_factory=list)

    def ends(self) -> list[tuple[str, str]]:
        """The (service, exit code) of every container that ended, in order."""
        found = [one["Actor"]["Attributes"] for one in self.events if one["Action"] == "die"]
        return [(attributes[_SERVICE], attributes["exitCode"]) for attributes in found]

    def healthy(self) -> dict[str, datetime]:
        """Service -> when it became healthy for the first time."""
        found: dict[str, datetime] = {}
        for one in self.events:
            if one["Action"] == "health_status: healthy":
                moment = datetime.fromtimestamp(one["timeNano"] / 1e9, UTC)
                found.setdefault(one["Actor"]["Attributes"][_SERVICE], moment)
        return found


@contextmanager
def recording(project: str) -> Iterator[Recording]:
    """Record what happens to the project's containers inside the context."""
    chosen = [
        f"--filter=label=com.docker.compose.project={project}",
        "--filter=event=die",
        "--filter=event=health_status",
    ]
    argv = ["docker", "events", f"--since={time.time():.3f}", *chosen, "--format={{json .}}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        kept = Recording()
        try:
            yield kept
        finally:
            # Pending events arrive within this time.
            time.sleep(0.5)
            process.terminate()
            output, _ = process.communicate(timeout=10)
            kept.events += [json.loads(line) for line in output.splitlines()]
