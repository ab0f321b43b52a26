"""Prepares the machine under a lock: installs what is missing, starts the engine, makes the environment; or refuses."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from contextlib import contextmanager

from bootstrapping import engine, survey
from bootstrapping.errors import COMMAND, ENGINE, Refusal
from bootstrapping.needs import Gap, Part
from bootstrapping.plan import NOT_PACKAGES, Machine, Wish, extraction, plan, quoted, refusal, shown
from bootstrapping.run import ask, change, say, which
from bootstrapping.survey import find_gaps
from bootstrapping.system import as_apt_sees_it

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from bootstrapping.environment import Environment
    from bootstrapping.main import Request

# Seconds that a second bootstrap waits for the first: as long as an install over a slow link may take.
PATIENCE = 1800.0
_POLL = 0.2


@contextmanager
def lock(folder: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock on `folder` (the folder itself is locked: no file is left behind).

    Raises Refusal when another one holds it for longer than `patience` seconds. A process that ends, however,
    gives it back.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        if not _taken(handle):
            say("bootstrap: another one works on this checkout; waiting for it")
            deadline = time.monotonic() + patience
            pause = threading.Event()
            while not _taken(handle):
                if time.monotonic() > deadline:
                    raise Refusal(
                        "another bootstrap works on this checkout",
                        seen=f"{folder} is locked",
                        expected=f"it to be through within {patience:.0f} s",
                        then=f"see what it does: fuser -v {folder}",
                        code=COMMAND,
                    )
                pause.wait(_POLL)
        yield
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# No questions, and no restart of other services on the way.
_APT = {"DEBIAN_FRONTEND": "noninteractive", "NEEDRESTART_MODE": "l"}
# By name: a proxy's value may hold a password, and an argv is read by everybody.
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_KEPT_BY_SUDO = ",".join((*_PROXIES, *(name.upper() for name in _PROXIES), *_APT))


def repair(request: Request, environment: Environment) -> None:
    """Make the machine and the environment ready for the task. Raises Refusal when that cannot be."""
    wish = Wish(("python3", "scripts/bootstrap.py", request.task, *request.arguments), environment.path)
    with lock(environment.root):
        # Checked again: another bootstrap may have finished the work while this one waited for the lock.
        gaps = find_gaps(request.task, environment)
        machine = look() if gaps else None
        if machine is not None:
            if not request.may_install:
                raise refusal(gaps, wish, machine, "--no-install was given")
            close(gaps, request.task, environment, wish, machine)
        environment.make()
        if machine is not None:
            extract(gaps, environment, machine)


def look() -> Machine:
    """Find out what machine this is, and whether this user may change it."""
    is_root = os.geteuid() == 0
    by_sudo = not is_root and bool(which("sudo")) and (sys.stdin.isatty() or ask("sudo", "-n", "true").code == 0)
    apt = survey.apt()
    return Machine(
        system=as_apt_sees_it(survey.system(), list(apt.sources)),
        apt=apt,
        may_change=is_root or by_sudo,
        sudo=("sudo", f"--preserve-env={_KEPT_BY_SUDO}") if by_sudo else (),
        has_systemd=engine.runs_systemd(),
    )


def close(gaps: list[Gap], task: str, environment: Environment, wish: Wish, machine: Machine) -> None:
    """Install packages and start the engine, as far as `gaps` ask for it and it is allowed. Raises Refusal."""
    reason = obstacle(gaps, machine)
    required = [gap for gap in gaps if gap.is_required]
    if reason and required:
        raise refusal(required, wish, machine, reason)
    if not reason:
        install(gaps, wish, machine)
        gaps = find_gaps(task, environment)
    elif machine.system.has_known_packages:
        names = ", ".join(gap.tool.command for gap in gaps if gap.tool)
        say(f"bootstrap: going on without {names}, which only root could install")
    if any(gap.part is Part.STOPPED for gap in gaps):
        engine.start(machine.sudo)
        gaps = find_gaps(task, environment)
    left = [gap for gap in gaps if gap.is_required]
    if any(gap.part is Part.SERVER and "dockerd" not in gap.seen for gap in left):
        raise Refusal(
            "the old engine still runs",
            seen="\n".join(gap.seen for gap in left),
            expected="the one that was just installed",
            then=f"stop it, and its containers with it: kill $(cat /var/run/docker.pid)\n{quoted(wish.command)}",
            code=ENGINE,
        )
    if left:
        hidden = "still; an older one may come first, see `docker info`"
        raise refusal(left, wish, machine, obstacle(left, machine) or hidden)


def obstacle(gaps: list[Gap], machine: Machine) -> str:
    """Say why the bootstrap does not close `gaps`; "" if it does."""
    parts = {gap.part for gap in gaps}
    if parts & {Part.UNREACHABLE, Part.FORBIDDEN}:
        return "not the bootstrap's to change"
    if Part.PYTHON in parts and not survey.python_is_packaged():
        return f"{sys.executable} is not a package of this system"
    if not machine.may_change:
        return "neither root nor sudo"
    # Starting an engine is the same everywhere.
    if parts - NOT_PACKAGES and not (machine.system.has_known_packages and which("apt-get")):
        return f"{machine.system.title} is neither Debian nor Ubuntu"
    return ""


def install(gaps: list[Gap], wish: Wish, machine: Machine) -> None:
    """Run the plan. Raises Refusal with the last lines of the command that failed, and of one before it that did."""
    said: list[str] = []
    for command in plan(gaps, machine):
        say("+ " + shown(command, machine.sudo))
        answer = change((*machine.sudo, *command.argv), text=command.text, extra=_APT)
        if answer.code == 0:
            continue
        said.append(f"{quoted(command.argv)}: exit code {answer.code}\n{answer.err}".rstrip())
        if command.may_fail:
            say("bootstrap: that failed; going on with what is there")
        else:
            raise Refusal(
                "the packages cannot be installed",
                seen="\n".join(said),
                expected="exit code 0; apt reaches the mirrors that its sources name",
                then=f"put that right, then: {quoted(wish.command)}",
                code=COMMAND,
            )


def extract(gaps: list[Gap], environment: Environment, machine: Machine) -> None:
    """Extract programs from their packages. Failures are printed; the caller of the program fails later."""
    if not machine.system.has_known_packages:
        return
    for tool in [gap.tool for gap in gaps if gap.tool is not None and gap.tool.extracted]:
        for command in extraction(tool, environment.path):
            say("+ " + shown(command))
            if change(command.argv).code:
                say(f"bootstrap: going on without {tool.command}")
                break
