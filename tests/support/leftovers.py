"""What a test run leaves on the engine: containers, networks and volumes, also those without a name of their own."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# In the name of every project of this run; the workers have it from the process that starts them.
RUN = os.environ.setdefault("ROFECARE_TEST_RUN", uuid.uuid4().hex[:6])
# tests/support/platform.py: whole platforms have the shift of their ports in the name.
_SHIFT = os.environ.get("ROFECARE_TEST_PORT_SHIFT", "10000")
# What the names of a run's objects start with, and the part that follows a hyphen.
_MARKS = (f"-{RUN}", f"rofecare-{_SHIFT}")
# A locked file for each run that lives, named by what marks its objects. The kernel releases the lock of a killed one.
_RUNS = Path(tempfile.gettempdir()) / f"rofecare-test-runs-{os.getuid()}"
_LISTINGS = (
    ("container", ("docker", "ps", "-aq", "--no-trunc")),
    ("network", ("docker", "network", "ls", "-q", "--no-trunc")),
    ("volume", ("docker", "volume", "ls", "-q")),
)
_FORMATS = {
    "container": ("--all", "--format={{.ID}}\t{{.Names}}\t{{.Labels}}"),
    "network": ("--format={{.ID}}\t{{.Name}}\t{{.Labels}}",),
    "volume": ("--format={{.Name}}\t{{.Name}}\t{{.Labels}}",),
}


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


def remove_abandoned() -> None:
    """Remove what killed runs left, whose networks would exhaust the engine's addresses; register this run."""
    _RUNS.mkdir(exist_ok=True)
    for mark in _MARKS:
        (_RUNS / mark).touch()
    abandoned = [path for path in _RUNS.iterdir() if _locked(path)]
    marks = {path.name for path in abandoned}
    for kind, flags in (("container", ("--force", "--volumes")), ("network", ()), ("volume", ())):
        for one, *texts in _described(kind):
            if _is_marked(texts, marks):
                subprocess.run(["docker", kind, "rm", *flags, one], capture_output=True, check=False)
    for path in abandoned:
        if path.name not in _MARKS:
            path.unlink()


def _locked(path: Path) -> bool:
    """Whether the lock could be taken; it is held until this process ends."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


def _described(kind: str) -> list[list[str]]:
    """The id, the name and the labels of every object of a kind."""
    argv = ["docker", kind, "ls", *_FORMATS[kind]]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return [line.split("\t") for line in done.stdout.splitlines()]


def created_by_run(events: list[Json]) -> set[str]:
    """The ids of containers and networks and the names of volumes that belong to this run."""
    ours: set[str] = set()
    for event in events:
        one, attributes = event["Actor"]["ID"], event["Actor"].get("Attributes", {})
        mounted = event["Type"] == "volume" and event["Action"] == "mount" and attributes.get("container") in ours
        if mounted or (event["Action"] == "create" and _is_marked((one, *attributes.values()))):
            ours.add(one)
    return ours


def _is_marked(texts: Iterable[str], marks: Iterable[str] = _MARKS) -> bool:
    """Whether one of the names and labels has one of the marks: `-RUN` anywhere, or `rofecare-…-SHIFT`."""
    split = [mark.rpartition("-") for mark in marks]
    return any(text.startswith(start) and f"-{end}" in text for text in texts for start, _, end in split)


def _existing() -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for kind, argv in _LISTINGS:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        found |= {(kind, one) for one in done.stdout.split()}
    return found
