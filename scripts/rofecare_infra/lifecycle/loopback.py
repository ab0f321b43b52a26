"""Whether other machines reach what is published on 127.0.0.1: before Engine 28, by a route to the bridge."""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from pathlib import Path

from rofecare_infra.engine import Machine
from rofecare_infra.platform import Platform
from rofecare_infra.process import run

# The first engine that drops packets to the address of a container unless they come from its own bridge.
_CLOSES = 28
# Timeout of systemctl in seconds.
_LIMIT = 60
# Exists while systemd is the init system.
_SYSTEMD = Path("/run/systemd/system")


class Case(StrEnum):
    """Whether other machines of the segment reach what is published on 127.0.0.1."""

    NONE = "nothing is published there"
    ENGINE = "closed by the engine"
    RULES = "closed by rules"
    OPEN = "open"


def case_of(platform: Platform, machine: Machine, *, ruled: bool = False) -> Case:
    """Decide from the version: what an engine is configured to leave open on purpose, it does not report."""
    ports = [port for service in platform.services if service.replicas for port in service.ports]
    if not any(_is_loopback(port.address) for port in ports):
        return Case.NONE
    number = re.match(r"\d+", machine.version)
    if machine.rootless or (number is not None and int(number[0]) >= _CLOSES):
        return Case.ENGINE
    return Case.RULES if ruled else Case.OPEN


def rules_unit(project: str) -> str:
    """The name of the unit that loads the rules."""
    return f"{project}-loopback.service"


def is_ruled(project: str, systemd: Path = _SYSTEMD) -> bool:
    """Whether the unit has loaded its rules; every user can see that."""
    argv = ["systemctl", "is-active", "--quiet", rules_unit(project)]
    return systemd.is_dir() and run(argv, timeout=_LIMIT, check=False).ok


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
