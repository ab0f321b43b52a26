"""What a task needs on the host, and which gaps a machine has: tables and the judgement on them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

OLDEST_ENGINE = (25,)
OLDEST_COMPOSE = (2, 24)
EXPECTED_ENGINE = "Docker Engine 25 or newer, answering; Compose 2.24 or newer; buildx"

# Lists the tasks: passed through to invoke in place of a task.
LIST = "--list"
# Every other task is assumed to need the engine, which is the safe default for a new task.
TASKS_WITHOUT_ENGINE = frozenset({LIST, "dashboards", "lint"})
# Tasks that also get requirements-dev.lock.
TASKS_WITH_DEV_TOOLS = frozenset({"dashboards", "lint", "test"})


class Tool(NamedTuple):
    """A program that a task calls on the host.

    `extracted`: the package starts a server when it is installed, and only its program is wanted, so it is taken
    out of the package into the virtual environment instead; there it is `named`, "" for the name it has.
    `release`: the codename of the only release that has it, "" for all.
    """

    program: str
    package: str
    extracted: bool = False
    named: str = ""
    release: str = ""

    @property
    def command(self) -> str:
        """What it is called by."""
        return self.named or self.program


_DEBOOTSTRAP = Tool("debootstrap", "debootstrap")
# Architectures for which the virtual environment holds no shellcheck take Debian's.
_SHELLCHECK = Tool("shellcheck", "shellcheck")

_RSYNC = Tool("rsync", "rsync")

# Where no registry answers, the images are built on a base that debootstrap makes.
_BUILDS = (_DEBOOTSTRAP,)
TOOLS = {
    "start-all": _BUILDS,
    "start-infra": _BUILDS,
    "start-monitoring": _BUILDS,
    "build": _BUILDS,
    # Copies backups to another machine, where BACKUP_COPY_TO names one.
    "backup": (_RSYNC,),
    "schedule-backups": (_RSYNC,),
    "test": (
        _DEBOOTSTRAP,
        # Clients that connect from the host to the published ports.
        Tool("psql", "postgresql-client"),
        Tool("redis-cli", "redis-tools"),
        Tool("kcat", "kcat"),
        _RSYNC,
        # Opens a backup without this software, as documented.
        Tool("age", "age"),
        # Reads the unit that install-service writes as systemd would.
        Tool("systemd-analyze", "systemd"),
        # Judges the TLS of the front.
        Tool("testssl", "testssl.sh"),
        # A registry on 127.0.0.1 for the tests of registry mode.
        Tool("docker-registry", "docker-registry", extracted=True),
        # Judges the rules of the alerts; from Debian 13 on in a package of its own.
        Tool("promtool", "promtool", extracted=True),
        # The oldest that the rules are written for.
        Tool("promtool", "prometheus", extracted=True, named="promtool-2.42", release="bookworm"),
    ),
}


def tools_of(task: str, machine: str, release: str) -> tuple[Tool, ...]:
    """List the programs that `task` calls on a host whose architecture is `machine`, and that its `release` has."""
    linter = (_SHELLCHECK,) if task in TASKS_WITH_DEV_TOOLS and machine != "x86_64" else ()
    return tuple(tool for tool in TOOLS.get(task, ()) + linter if tool.release in ("", release))


class Part(Enum):
    """What may be missing; the value is how a message calls it."""

    PYTHON = "Python's venv and pip"
    CLIENT = "the Docker client"
    SERVER = "Docker Engine"
    COMPOSE = "Docker Compose"
    BUILDX = "Docker buildx"
    STOPPED = "a running Docker Engine"
    # The engine that a setting names, on whatever machine: it does not answer or is too old.
    UNREACHABLE = "a usable Docker Engine"
    FORBIDDEN = "access to Docker Engine"
    TOOL = "a program"

    @property
    def is_engine(self) -> bool:
        """Whether it is of the engine (its exit code differs from the rest)."""
        return self not in (Part.PYTHON, Part.TOOL)


class Gap(NamedTuple):
    """One thing that a task needs and the machine lacks. `tool` belongs to Part.TOOL."""

    part: Part
    seen: str
    tool: Tool | None = None

    @property
    def is_required(self) -> bool:
        """Whether the task cannot run without it. The tools are called by some paths of a task only."""
        return self.part is not Part.TOOL


class Docker(NamedTuple):
    """The versions of Docker as printed, "" for none; `error` is the error message of the client.

    `elsewhere`: the setting that selects an engine of another machine, or "". `has_server`: dockerd is
    installed here.
    """

    client: bool
    server: str
    compose: str
    buildx: bool
    error: str
    elsewhere: str
    has_server: bool


def is_older(version: tuple[int, ...], oldest: tuple[int, ...]) -> bool:
    """Whether `version` (as long as it has to be) is below `oldest`; no version at all is older than any."""
    return version[: len(oldest)] < oldest


def judge(docker: Docker, server: tuple[int, ...], compose: tuple[int, ...]) -> list[Gap]:
    """Find the engine's gaps. `server` and `compose` are the versions as numbers."""
    gaps = []
    if not docker.client:
        gaps.append(Gap(Part.CLIENT, "no `docker` on PATH"))
    if not docker.server:
        gaps += _judge_silent(docker)
    elif is_older(server, OLDEST_ENGINE):
        where = f" at {docker.elsewhere}" if docker.elsewhere else ""
        gaps.append(Gap(Part.UNREACHABLE if where else Part.SERVER, f"Docker Engine {docker.server}{where}"))
    if is_older(compose, OLDEST_COMPOSE):
        gaps.append(Gap(Part.COMPOSE, f"Docker Compose {docker.compose}" if docker.compose else "no Docker Compose"))
    if not docker.buildx:
        gaps.append(Gap(Part.BUILDX, "no Docker buildx"))
    return gaps


def _judge_silent(docker: Docker) -> list[Gap]:
    """Find out why no engine answers. Without a client that is not known yet: it is asked once there is one."""
    if docker.elsewhere:
        return [Gap(Part.UNREACHABLE, f"{docker.elsewhere}: {docker.error}")] if docker.client else []
    if "permission denied" in docker.error:
        return [Gap(Part.FORBIDDEN, docker.error)]
    if not docker.has_server:
        return [Gap(Part.SERVER, "no `dockerd` on PATH")]
    return [Gap(Part.STOPPED, docker.error)] if docker.client else []
