"""Plans the commands that install what is missing, and the message where they may not run. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from bootstrapping.errors import ENGINE, SETTINGS, Refusal
from bootstrapping.needs import EXPECTED_ENGINE, Gap, Part, Tool
from bootstrapping.system import BORROWED_SUITE, Source, System, borrowed_sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES_FILE = f"/etc/apt/sources.list.d/rofecare-{BORROWED_SUITE}.sources"
PIN_FILE = f"/etc/apt/preferences.d/rofecare-{BORROWED_SUITE}"
# Below 500, the priority of the machine's own release: only what is asked for by name comes from there.
_PIN = f"""\
Package: *
Pin: release n={BORROWED_SUITE}
Pin-Priority: 100

Package: *
Pin: release n={BORROWED_SUITE}-security
Pin-Priority: 100
"""

# Packages of each part: by the distribution, or by Docker's own repository where its packages are installed
# already (the two sets exclude each other).
_DEBIAN = {
    Part.CLIENT: ("docker-cli",),
    Part.SERVER: ("docker.io", "docker-cli", "containerd", "iptables"),
    Part.COMPOSE: ("docker-compose",),
    Part.BUILDX: ("docker-buildx",),
}
_UBUNTU = {
    Part.CLIENT: ("docker.io",),
    Part.SERVER: ("docker.io", "containerd", "iptables"),
    Part.COMPOSE: ("docker-compose-v2",),
    Part.BUILDX: ("docker-buildx",),
}
_DOCKER_CE = {
    Part.CLIENT: ("docker-ce-cli",),
    Part.SERVER: ("docker-ce", "docker-ce-cli", "containerd.io"),
    Part.COMPOSE: ("docker-compose-plugin",),
    Part.BUILDX: ("docker-buildx-plugin",),
}
# iptables always comes from the machine's own release, which the engine from the other release supports.
_NEVER_BORROWED = frozenset({"iptables"})

# Systems whose package names are known but not their versions: shown, never run.
_ELSEWHERE = {
    "debian": "apt-get install docker.io docker-cli docker-compose docker-buildx python3-venv",
    "fedora": "dnf install moby-engine docker-cli docker-compose docker-buildx\nsystemctl enable --now docker",
    "rhel": "add Docker's own repository for this system\n"
    "dnf install docker-ce docker-ce-cli docker-compose-plugin docker-buildx-plugin\nsystemctl enable --now docker",
    "alpine": "apk add docker docker-cli-compose docker-cli-buildx bash\nrc-update add docker\nservice docker start",
    "arch": "pacman -S docker docker-compose docker-buildx\nsystemctl enable --now docker",
    "suse": "zypper install docker docker-compose docker-buildx\nsystemctl enable --now docker",
    "darwin": "brew install colima docker docker-compose docker-buildx\ncolima start",
}


class Command(NamedTuple):
    """One command that changes the machine: argv, what it reads from stdin (a file's text), whether it may fail."""

    argv: tuple[str, ...]
    text: str = ""
    may_fail: bool = False


class Apt(NamedTuple):
    """What apt and dpkg know on this machine: its sources, and the facts that change a plan."""

    sources: tuple[Source, ...]
    has_docker_ce: bool
    was_interrupted: bool
    uses_apparmor: bool
    has_certificates: bool
    python: str


def packages(gaps: list[Gap], system: System, apt: Apt) -> list[str]:
    """Name the packages that close `gaps`, each once; `name/suite` where it is borrowed."""
    own = _UBUNTU if system.name == "ubuntu" else _DEBIAN
    table = _DOCKER_CE if apt.has_docker_ce else own
    names: list[str] = []
    for gap in gaps:
        if gap.part is Part.PYTHON:
            names.append(f"{apt.python}-venv")
        elif gap.tool is not None:
            names += [] if gap.tool.extracted else [gap.tool.package]
        else:
            found = table.get(gap.part, ())
            borrows = system.borrows_engine and not apt.has_docker_ce
            names += [f"{name}/{BORROWED_SUITE}" if borrows and name not in _NEVER_BORROWED else name for name in found]
            if gap.part is Part.SERVER and apt.uses_apparmor:
                # Without its parser an engine on such a kernel starts no container.
                names.append("apparmor")
    if names and not apt.has_certificates:
        names.append("ca-certificates")
    return list(dict.fromkeys(names))


def commands(gaps: list[Gap], system: System, apt: Apt) -> list[Command]:
    """List the commands that install what `gaps` name, in order; none if no package does.

    Raises LookupError when the borrowed release is needed and no mirror of the machine's own is known.
    """
    names = packages(gaps, system, apt)
    plan: list[Command] = []
    extracted = any(gap.tool is not None and gap.tool.extracted for gap in gaps)
    if names or extracted:
        if apt.was_interrupted:
            plan.append(Command(("dpkg", "--configure", "-a")))
        known = any(BORROWED_SUITE in source.suites for source in apt.sources)
        if any("/" in name for name in names) and not known:
            text = borrowed_sources(list(apt.sources), system.codename)
            if not text:
                message = f"apt's sources name no mirror of {system.codename} main"
                raise LookupError(message)
            plan += [Command(("tee", PIN_FILE), _PIN), Command(("tee", SOURCES_FILE), text)]
        # A repository that has nothing to do with this may be down: what counts is whether the install succeeds.
        plan.append(Command(("apt-get", "-o", "APT::Update::Error-Mode=any", "update"), may_fail=True))
    if names:
        options = ("-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")
        plan.append(Command(("apt-get", "install", *options, *names)))
    return plan


def extraction(tool: Tool, environment: str) -> list[Command]:
    """List the commands that take a program out of its package into the virtual environment at `environment`."""
    folder = f"{environment}/packages/{tool.command}"
    package = f"{tool.package}/{tool.release}" if tool.release else tool.package
    unpack = "dpkg-deb -x *.deb . && rm *.deb"
    return [
        Command(("rm", "-rf", folder)),
        Command(("mkdir", "-p", folder)),
        Command(("env", "-C", folder, "apt-get", "download", package)),
        Command(("env", "-C", folder, "sh", "-c", unpack)),
        Command(("ln", "-sf", f"{folder}/usr/bin/{tool.program}", f"{environment}/bin/{tool.command}")),
    ]


def quoted(argv: tuple[str, ...]) -> str:
    """Write a command as a shell takes it (shlex is not in python3-minimal)."""
    plain = re.compile(r"[\w@%+=:,./~-]+", re.ASCII)
    return " ".join(word if plain.fullmatch(word) else "'" + word.replace("'", "'\"'\"'") + "'" for word in argv)


def shown(command: Command, prefix: tuple[str, ...] = ()) -> str:
    """Write a command on one line that can be pasted into a shell; a file's text is printed into it."""
    line = quoted((*prefix, *command.argv))
    if not command.text:
        return line
    text = command.text.replace("\\", "\\\\").replace("\n", "\\n")
    return f"printf %b {quoted((text,))} | {line}"


def elsewhere(gaps: list[Gap], system: System) -> str:
    """Say how the engine's parts and Python's are had on a system whose packages are not installed from here."""
    if any(gap.part is not Part.TOOL for gap in gaps):
        for name in system.family:
            if name in _ELSEWHERE:
                return _ELSEWHERE[name]
    return "with this system's own package manager: " + ", ".join(dict.fromkeys(gap.part.value for gap in gaps))


# Gaps that no package closes.
NOT_PACKAGES = frozenset({Part.STOPPED, Part.UNREACHABLE, Part.FORBIDDEN})


class Machine(NamedTuple):
    """A machine, and by what it may be changed: `sudo` stands before each command, () for root."""

    system: System
    apt: Apt
    may_change: bool
    sudo: tuple[str, ...]
    has_systemd: bool


class Wish(NamedTuple):
    """What is to run in the end: the task as typed, and where its environment is."""

    command: tuple[str, ...]
    environment: str


def plan(gaps: list[Gap], machine: Machine) -> list[Command]:
    """List the commands that install what `gaps` name. Raises Refusal when the mirror is not known."""
    try:
        return commands(gaps, machine.system, machine.apt)
    except LookupError as error:
        raise Refusal(
            "Docker Engine cannot be installed",
            seen=str(error),
            expected="the mirror from which this machine has its own packages",
            then="name it in /etc/apt/sources.list.d, then the same command again",
            code=ENGINE,
        ) from None


def refusal(gaps: list[Gap], wish: Wish, machine: Machine, why: str) -> Refusal:
    """Say what is missing, `why` that is not put right here, and how it is."""
    of_engine = any(gap.part.is_engine for gap in gaps)
    what = ", ".join(dict.fromkeys(gap.tool.command if gap.tool else gap.part.value for gap in gaps))
    expected = [EXPECTED_ENGINE] if of_engine else []
    if any(gap.part is Part.PYTHON for gap in gaps):
        expected.append("Python 3.11 or newer with the modules venv and ensurepip")
    programs = [f"`{gap.tool.command}`" for gap in gaps if gap.tool]
    if programs:
        expected.append(f"{', '.join(programs)}: called by the task")
    return Refusal(
        f"missing: {what} ({why})",
        seen="\n".join(dict.fromkeys(gap.seen for gap in gaps)),
        expected="\n".join(expected),
        then="\n".join(_remedies(gaps, wish, machine)),
        code=ENGINE if of_engine else SETTINGS,
    )


def _remedies(gaps: list[Gap], wish: Wish, machine: Machine) -> Iterator[str]:
    """Say, a command a line, how `gaps` are closed by hand."""
    parts = {gap.part for gap in gaps}
    again = quoted(wish.command)
    to_install = [gap for gap in gaps if gap.part not in NOT_PACKAGES]
    if to_install and machine.system.has_known_packages:
        if Part.FORBIDDEN not in parts and Part.UNREACHABLE not in parts:
            yield f"as root, this does all of it: {again}"
        yield "by hand, as root:"
        yield from (shown(command) for command in plan(to_install, machine))
        for gap in to_install:
            if gap.tool is not None and gap.tool.extracted:
                yield from (shown(command) for command in extraction(gap.tool, wish.environment))
    elif to_install:
        yield elsewhere(to_install, machine.system)
    if Part.STOPPED in parts or (Part.SERVER in parts and machine.system.has_known_packages):
        yield "systemctl start docker" if machine.has_systemd else "dockerd >>/var/log/dockerd.log 2>&1 </dev/null &"
    if Part.FORBIDDEN in parts:
        yield "let this user at the engine: sudo usermod -aG docker $USER"
        yield "in a new login (or after `newgrp docker`):"
    if Part.UNREACHABLE in parts:
        yield "see to the engine that this setting names, or take the setting back; then:"
    yield again
