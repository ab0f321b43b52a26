"""Surveys the machine: which parts of what a task needs are missing."""

from __future__ import annotations

import os
import sys

from bootstrapping.needs import (
    OLDEST_ENGINE,
    TASKS_WITHOUT_ENGINE,
    Docker,
    Gap,
    Part,
    is_older,
    judge,
    tools_of,
)
from bootstrapping.plan import Apt
from bootstrapping.run import Question, ask, which
from bootstrapping.system import (
    Source,
    System,
    parse_deb822,
    parse_list,
    parse_os_release,
    parse_version,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bootstrapping.environment import Environment

_SOURCES = "/etc/apt/sources.list"
_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
)


def engine_gaps() -> list[Gap]:
    """Ask Docker for its parts, side by side: this runs before every task."""
    if not which("docker"):
        docker = Docker(
            client=False,
            server="",
            compose="",
            buildx=False,
            error="",
            elsewhere=_elsewhere(None),
            has_server=bool(which("dockerd")),
        )
        return judge(docker, (), ())
    version = Question("docker", "version", "--format", "{{.Server.Version}}")
    compose = Question("docker", "compose", "version", "--short")
    buildx = Question("docker", "buildx", "version")
    server, composed, built = version.answer(), compose.answer(), buildx.answer()
    answers = server.code == 0 and bool(parse_version(server.out))
    is_good = answers and not is_older(parse_version(server.out), OLDEST_ENGINE)
    said = server.err or server.out or f"`docker version` exited with {server.code}"
    docker = Docker(
        client=True,
        server=server.out if answers else "",
        compose=composed.out if composed.code == 0 else "",
        buildx=built.code == 0,
        error="" if answers else said.splitlines()[-1],
        elsewhere="" if is_good else _elsewhere(ask("docker", "context", "show").out),
        has_server=bool(which("dockerd")),
    )
    return judge(docker, parse_version(docker.server), parse_version(docker.compose))


def _elsewhere(context: str | None) -> str:
    """Name the setting that points the client away from this machine's own engine; "" if none does."""
    host = os.environ.get("DOCKER_HOST", "")
    if host:
        return f"DOCKER_HOST={host}"
    name = context or os.environ.get("DOCKER_CONTEXT") or "default"
    return "" if name == "default" else f"docker context {name}"


def tool_gaps(task: str, folder: str) -> list[Gap]:
    """Find the programs that `task` calls and that are neither on PATH nor in `folder`."""
    return [
        Gap(Part.TOOL, f"no `{tool.command}`", tool)
        for tool in tools_of(task, os.uname().machine, system().codename)
        if not which(tool.command) and not os.path.exists(f"{folder}/{tool.command}")
    ]


def python_gaps() -> list[Gap]:
    """Find what this Python lacks to make a virtual environment with pip in it."""
    # A process of its own, because it sees what was installed since this one started.
    answer = ask(base_python(), "-c", "import venv, ensurepip")
    return [Gap(Part.PYTHON, f"{base_python()}: {answer.err.splitlines()[-1]}")] if answer.code else []


def base_python() -> str:
    """Name the Python that is, or is behind, the one that runs this: environments are made by it."""
    return getattr(sys, "_base_executable", "") or sys.executable


def system() -> System:
    """Read which operating system this is."""
    if sys.platform == "darwin":
        return System("darwin", "", "", ("darwin",), "macOS")
    return parse_os_release(_text("/etc/os-release") or _text("/usr/lib/os-release"))


def python_is_packaged() -> bool:
    """Whether this Python is the distribution's: only then do its packages complete it."""
    return os.path.realpath(base_python()).startswith("/usr/bin/")


def apt() -> Apt:
    """Read what apt and dpkg know."""
    sources: list[Source] = parse_list(_text(_SOURCES))
    folder = _SOURCES + ".d"
    for name in sorted(_entries(folder)):
        if name.endswith(".list"):
            sources += parse_list(_text(f"{folder}/{name}"))
        elif name.endswith(".sources"):
            sources += parse_deb822(_text(f"{folder}/{name}"))
    status = ask("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", "docker-ce", "containerd.io")
    # The default python3 has a package without a version; another one is named by its own.
    is_default = os.path.realpath("/usr/bin/python3") == os.path.realpath(base_python())
    return Apt(
        sources=tuple(sources),
        has_docker_ce=" installed" in status.out,
        was_interrupted=bool(_entries("/var/lib/dpkg/updates")),
        uses_apparmor=_text("/sys/module/apparmor/parameters/enabled").startswith("Y") and not which("apparmor_parser"),
        has_certificates=os.path.exists(_CERTIFICATES[0]),
        python="python3" if is_default else f"python{sys.version_info[0]}.{sys.version_info[1]}",
    )


def certificates() -> str:
    """Find the system's bundle of certificate authorities; "" if there is none."""
    named = (os.environ.get("SSL_CERT_FILE", ""), *_CERTIFICATES)
    return next((path for path in named if path and os.path.exists(path)), "")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def find_gaps(task: str, environment: Environment) -> list[Gap]:
    """Find what `task` needs and the machine lacks."""
    gaps = [] if environment.is_ready() else python_gaps()
    if task not in TASKS_WITHOUT_ENGINE:
        gaps += engine_gaps()
    return gaps + tool_gaps(task, environment.programs)
