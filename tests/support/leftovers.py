"""What a test run leaves on the engine: containers, networks and volumes, also those without a name of their own."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import uuid
from typing import Any

Json = dict[str, Any]

# In the name of every project of this run; the workers have it from the process that starts them.
RUN = os.environ.setdefault("ROFECARE_TEST_RUN", uuid.uuid4().hex[:6])
# tests/support/platform.py: whole platforms have the shift of their ports in the name.
_SHIFT = os.environ.get("ROFECARE_TEST_PORT_SHIFT", "10000")
_LISTINGS = (
    ("container", ("docker", "ps", "-aq", "--no-trunc")),
    ("network", ("docker", "network", "ls", "-q", "--no-trunc")),
    ("volume", ("docker", "volume", "ls", "-q")),
)


class Leftovers:
    """The events of the engine during a run: anonymous volumes have no other link to their container."""

    def __init__(self) -> None:
        self._before = _existing()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open for the whole run
        filters = ["--filter=event=create", "--filter=event=mount"]
        argv = ["docker", "events", *filters, "--format={{json .}}"]
        self._events = subprocess.Popen(argv, stdout=self._file, stderr=subprocess.DEVNULL)

    def find(self) -> list[str]:
        """The kind and name of everything that this run has left."""
        self._events.terminate()
        self._events.wait(10)
        self._file.seek(0)
        events = [json.loads(line) for line in self._file.read().splitlines()]
        self._file.close()
        ours = created_by_run(events)
        return sorted(f"{kind} {one}" for kind, one in _existing() - self._before if one in ours)


def created_by_run(events: list[Json]) -> set[str]:
    """The ids of containers and networks and the names of volumes that belong to this run."""
    ours: set[str] = set()
    for event in events:
        one, attributes = event["Actor"]["ID"], event["Actor"].get("Attributes", {})
        mounted = event["Type"] == "volume" and event["Action"] == "mount" and attributes.get("container") in ours
        if mounted or (event["Action"] == "create" and _is_marked(one, *attributes.values())):
            ours.add(one)
    return ours


def _is_marked(*texts: str) -> bool:
    return any(f"-{RUN}" in text or (text.startswith("rofecare-") and f"-{_SHIFT}" in text) for text in texts)


def _existing() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for kind, argv in _LISTINGS:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        found |= {(kind, one) for one in done.stdout.split()}
    return found
