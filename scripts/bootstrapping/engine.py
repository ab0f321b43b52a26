"""Starts this machine's engine, and waits until it answers."""

from __future__ import annotations

import os
import socket
import threading
import time

from bootstrapping.errors import ENGINE, Refusal
from bootstrapping.plan import quoted
from bootstrapping.run import ask, change, detach, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# Seconds until a started engine must answer: one with many containers looks at each of them first.
PATIENCE = 90.0
_POLL = 0.2
# Lines of its log that a failure shows.
_LINES = 5
_LAST_WORDS = "failed to start daemon"

# Files in which a daemon left its process id. Where that id has since gone to another process, or the
# dead one was not reaped (no init), dockerd takes the file at its word and does not start, or waits for a
# containerd that is not there.
_PID_FILES = (
    ("/var/run/docker.pid", "dockerd"),
    ("/var/run/docker/containerd/containerd.pid", "containerd"),
)
# A containerd of the system that answers here is used; a socket that nobody listens on any more is fatal.
_CONTAINERD_SOCKET = "/run/containerd/containerd.sock"


def start(sudo: tuple[str, ...]) -> None:
    """Start the engine: by systemd where it runs, else as a process of its own. Raises Refusal."""
    if runs_systemd():
        argv = (*sudo, "systemctl", "start", "docker")
        say("+ " + quoted(argv))
        answer = change(argv)
        if answer.code:
            raise _failure(f"{quoted(argv)}: exit code {answer.code}\n{answer.err}", "journalctl -u docker -n 50")
        _wait()
        return
    if _owner("/var/run/docker.pid") == "dockerd":
        say("bootstrap: an engine is starting already; waiting for it")
        _wait()
        return
    for path in leftovers():
        argv = (*sudo, "rm", "-f", path)
        say("+ " + quoted(argv))
        change(argv)
    log = _log_file()
    offset = os.path.getsize(log) if os.path.exists(log) else 0
    # sudo asks on the terminal, so it keeps ours; setsid then parts the engine from it.
    argv = (*sudo, "setsid", "--fork", "dockerd") if sudo else ("dockerd",)
    say(f"+ {quoted(argv)} >>{log} 2>&1 </dev/null &")
    exit_code = detach(argv, log, keep_terminal=bool(sudo))
    # setsid is through at once with 0; the engine itself is never.
    _wait(log, offset, has_ended=lambda: exit_code() not in ((None, 0) if sudo else (None,)))


def runs_systemd() -> bool:
    """Whether systemd is this machine's init."""
    return os.path.isdir("/run/systemd/system")


def leftovers() -> list[str]:
    """List what a killed engine left that would keep the next one from starting."""
    found = [path for path, name in _PID_FILES if _owner(path) not in ("", name)]
    if os.path.exists(_CONTAINERD_SOCKET) and isinstance(_connect(_CONTAINERD_SOCKET), ConnectionRefusedError):
        found.append(_CONTAINERD_SOCKET)
    return found


def _connect(path: str) -> OSError | None:
    """Connect to a unix socket; return what came of it (to others than root: that they may not)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError as error:
            return error
    return None


def _owner(path: str) -> str:
    """Name the process whose id the file contains; "" if there is none, "(dead)" if it is not reaped yet."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            number = int(file.read().strip() or "0")
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
            # 3368 (dockerd) S 1 ...: the name may hold blanks and parentheses itself.
            name, _, rest = file.read().partition("(")[2].rpartition(") ")
    except (OSError, ValueError):
        return ""
    return "(dead)" if rest.startswith("Z") else name


def _log_file() -> str:
    if os.geteuid() == 0:
        return "/var/log/dockerd.log"
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    folder = f"{home}/rofecare"
    os.makedirs(folder, exist_ok=True)
    return f"{folder}/dockerd.log"


def _wait(log: str = "", offset: int = 0, has_ended: Callable[[], bool] = lambda: False) -> None:
    """Wait for the engine's first answer. Raises Refusal when it gave up or time is over."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while time.monotonic() < deadline:
        answer = ask("docker", "version", "--format", "{{.Server.Version}}")
        # One that answers to others only is up; the next look at the machine says so.
        if answer.code == 0 or "permission denied" in answer.err:
            return
        ended = has_ended()
        lines = _lines_since(log, offset)
        if ended or any(_LAST_WORDS in line for line in lines):
            raise _failure(f"dockerd ended:\n{_tail(lines)}", f"less {log}")
        pause.wait(_POLL)
    seen = f"no answer; its last lines:\n{_tail(_lines_since(log, offset))}" if log else f"no answer: {answer.err}"
    raise _failure(seen, f"less {log}" if log else "docker version")


def _lines_since(log: str, offset: int) -> list[str]:
    if not log:
        return []
    try:
        with open(log, "rb") as file:
            file.seek(offset)
            return file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return []


def _tail(lines: list[str]) -> str:
    """Pick the lines that tell why: errors, and the last words, which have no time before them."""
    telling = [line for line in lines if not line.startswith("time=") or "level=error" in line or "level=fatal" in line]
    return "\n".join((telling or lines)[-_LINES:])


def _failure(seen: str, then: str) -> Refusal:
    return Refusal(
        "the Docker engine does not start",
        seen=seen,
        expected=f"an answer to `docker version` within {PATIENCE:.0f} s",
        then=then,
        code=ENGINE,
    )
