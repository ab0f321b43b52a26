"""A port on 127.0.0.1 is for this machine only: before Engine 28, a route to its bridge leads other machines to it.

The rules are in the raw table, before the engine translates addresses. A client of a port that is published for other
machines sends to an address of this machine, never to a subnet of the engine: a packet to a subnet is dropped, unless
it comes from that subnet through a bridge. So rules that are left over do not disturb a later network with this subnet.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import shlex
import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra.engine import Bridge, Engine
from rofecare_infra.hosting.service import Systemd, install, remove
from rofecare_infra.hosting.unit import MARK, Unit
from rofecare_infra.lifecycle.loopback import Case, case_of, is_ruled, rules_unit
from rofecare_infra.platform import Platform
from rofecare_infra.process import run
from rofecare_infra.progress import Event

_LIMIT = 60

_TEMPLATE = """\
{mark}
[Unit]
Description=Ports of {project} on 127.0.0.1 are for this machine only
Before=docker.service
# Those that replace all rules when they start.
After=nftables.service netfilter-persistent.service ufw.service firewalld.service

[Service]
Type=oneshot
RemainAfterExit=yes
{start}
{stop}

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Command:
    """A command of root; one that `may_fail` removes what need not be there, or adds what may be there."""

    argv: tuple[str, ...]
    may_fail: bool = False

    def line(self, setting: str) -> str:
        """The command in a unit."""
        return f"{setting}={'-' if self.may_fail else ''}/usr/bin/env {' '.join(self.argv)}"

    def shell(self) -> str:
        """The command for people."""
        return shlex.join(("sudo", *self.argv)) + (" || true" if self.may_fail else "")


def commands(project: str, bridges: Sequence[Bridge]) -> tuple[Command, ...]:
    """Fill a chain of the project, and only then use it; repeated, they replace what was there."""
    chain = _chain(project)
    found: list[Command] = []
    for program, version in (("iptables", 4), ("ip6tables", 6)):
        pairs = [
            (one.interface, subnet)
            for one in bridges
            for subnet in one.subnets
            if ipaddress.ip_network(subnet, strict=False).version == version
        ]
        if not pairs:
            continue
        table = (program, "-w", "-t", "raw")
        found += [Command((*table, "-N", chain), may_fail=True), Command((*table, "-F", chain))]
        for interface, subnet in pairs:
            own = ("-s", subnet, "-d", subnet, "-i", interface, "-j", "RETURN")
            found += [Command((*table, "-A", chain, *own)), Command((*table, "-A", chain, "-d", subnet, "-j", "DROP"))]
        if program == "iptables":
            local = ("-d", "127.0.0.0/8", "!", "-i", "lo", "-j", "DROP")
            found.append(Command((*table, "-A", chain, *local)))
        jump = ("PREROUTING", "-j", chain)
        found += [Command((*table, "-D", *jump), may_fail=True), Command((*table, "-I", *jump))]
    return tuple(found)


def undone(project: str) -> tuple[Command, ...]:
    """What removes the rules."""
    chain = _chain(project)
    steps = (("-D", "PREROUTING", "-j", chain), ("-F", chain), ("-X", chain))
    return tuple(
        Command((program, "-w", "-t", "raw", *step), may_fail=True)
        for program in ("iptables", "ip6tables")
        for step in steps
    )


def unit_of(project: str, bridges: Sequence[Bridge]) -> Unit:
    """The unit that loads the rules before the engine starts."""
    text = _TEMPLATE.format(
        mark=MARK,
        project=project,
        start="\n".join(one.line("ExecStart") for one in commands(project, bridges)),
        stop="\n".join(one.line("ExecStop") for one in undone(project)),
    )
    return Unit(rules_unit(project), text)


def close(
    platform: Platform, engine: Engine, systemd: Systemd, again: str, *, root: bool | None = None
) -> Generator[Event, None, tuple[Case, tuple[Command, ...]]]:
    """Close what the engine leaves open; return the case, and if it is open, what root must run.

    Without systemd the rules last until the machine is restarted.
    """
    machine = engine.machine()
    case = case_of(platform, machine)
    if case is not Case.OPEN:
        return case, ()
    bridges = engine.bridges(platform.project)
    unit, wanted = unit_of(platform.project, bridges), commands(platform.project, bridges)
    if is_loaded(platform.project, unit, systemd):
        return Case.RULES, ()
    # The rules of this machine do not concern the bridges of another one.
    if not _is_root(given=root) or not Path(machine.folder).exists():
        return case, wanted
    if systemd.runs:
        yield from install(unit, systemd, again)
        systemd.control("restart", unit.name)
    else:
        _run(wanted)
    return Case.RULES, ()


def is_loaded(project: str, unit: Unit, systemd: Systemd) -> bool:
    """Whether the unit is there with these rules, and has loaded them."""
    path = systemd.folder / unit.name
    there = path.exists() and path.read_text(encoding="utf-8") == unit.text
    return there and is_ruled(project, systemd.sign_of_life)


def reopen(project: str, systemd: Systemd, again: str, *, root: bool | None = None) -> Generator[Event, None, bool]:
    """Remove the rules, and the unit that loads them; return whether there was one."""
    there = (systemd.folder / rules_unit(project)).exists()
    if _is_root(given=root):
        if there and systemd.runs:
            systemd.control("stop", rules_unit(project))
        _run(undone(project))
    return there and (yield from remove(rules_unit(project), systemd, again))


def _is_root(*, given: bool | None) -> bool:
    return os.geteuid() == 0 if given is None else given


def _run(wanted: Sequence[Command]) -> None:
    for one in wanted:
        if one.may_fail and shutil.which(one.argv[0]) is None:
            continue
        run(one.argv, timeout=_LIMIT, check=not one.may_fail)


def _chain(project: str) -> str:
    # The name of a chain has 28 characters at most.
    return f"ROFECARE-{hashlib.sha256(project.encode()).hexdigest()[:12]}"
