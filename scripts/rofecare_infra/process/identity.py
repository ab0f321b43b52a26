"""Which process this is, so that others can find out later whether it still runs."""

from __future__ import annotations

import os
import pwd
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

# The fields of /proc/<pid>/stat after the name of the program, which may contain anything but ends with a bracket.
_STATE = 0
_START_TIME = 19
_ENDED = frozenset("ZXx")


class Fate(StrEnum):
    """Whether a process still runs, as far as this machine can know."""

    RUNNING = "running"
    ENDED = "ended"
    # It belongs to another machine, or to a container.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Identity:
    """A process that no later one equals. What a machine does not provide is empty."""

    host: str
    # The same as long as the machine is installed.
    machine: str
    # Another one after each start of the machine.
    boot: str
    # Where ids of processes are counted: a container has its own.
    namespace: str
    pid: int
    # Ticks from the start of the machine to that of the process; ids of processes are used again.
    started: str
    user: str


def this_process() -> Identity:
    """The process that calls."""
    pid = os.getpid()
    return Identity(
        host=socket.gethostname(),
        machine=_line("/etc/machine-id"),
        boot=_line("/proc/sys/kernel/random/boot_id"),
        namespace=_link("/proc/self/ns/pid"),
        pid=pid,
        started=start_time(pid) or "",
        user=user_name(),
    )


def fate_of(other: Identity, here: Identity, start_time_of: Callable[[int], str | None] | None = None) -> Fate:
    """Whether `other` still runs, asked by the process `here`."""
    if other.boot and other.boot == here.boot:
        if not other.namespace or other.namespace != here.namespace or other.pid <= 0:
            return Fate.UNKNOWN
        started = (start_time_of or start_time)(other.pid)
        if started is None:
            return Fate.ENDED
        # Without a time to compare, the process counts as the same one.
        return Fate.ENDED if started and other.started and started != other.started else Fate.RUNNING
    # Copies of a virtual machine may have the same id: the name of the host has to be the same, too.
    known = other.machine and other.boot and here.boot
    restarted = known and (other.machine, other.host) == (here.machine, here.host)
    return Fate.ENDED if restarted else Fate.UNKNOWN


def start_time(pid: int) -> str | None:
    """When a process was started; empty if this user may not see it, None if it has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except (PermissionError, OverflowError):
        pass  # it belongs to another user
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return None if fields[_STATE] in _ENDED else fields[_START_TIME]


def user_name() -> str:
    """The user that this process acts as."""
    user = os.geteuid()
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def _line(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _link(path: str) -> str:
    try:
        return str(Path(path).readlink())
    except OSError:
        return ""
