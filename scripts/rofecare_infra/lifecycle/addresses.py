"""Whether the engine has addresses for the networks of the platform, and whether those overlap with other networks.

The engine takes the subnet of a network from its pools, and creates one network after another: a start that runs out of
pools would leave some of them behind.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from rofecare_infra.engine import Engine
from rofecare_infra.errors import CommandError
from rofecare_infra.platform import Platform

Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network

_ROUTES = Path("/proc/net/route")
# Interfaces that the engine makes for its networks.
_OF_THE_ENGINE = ("br-", "docker")


@dataclass(frozen=True)
class Route:
    """A network that this machine reaches through an interface."""

    interface: str
    subnet: Subnet


def shortage(platform: Platform, engine: Engine) -> CommandError | None:
    """The error for networks of the platform that the engine has no addresses for; None if it has enough."""
    present = engine.networks()
    needed = _missing(platform, present)
    if not needed:
        return None
    taken = [*_parsed(chain.from_iterable(present.values())), *(one.subnet for one in routes())]
    free = free_subnets(engine.machine().pools, taken)
    if free >= len(needed):
        return None
    return CommandError(
        "the engine has no addresses for the networks of the platform: nothing was started",
        seen=f"{free} free subnets in its address pools, and {len(present)} networks",
        expected=f"{len(needed)} free subnets, one for each network that does not exist yet",
        next_step="docker network prune; or larger default-address-pools in /etc/docker/daemon.json",
    )


def free_subnets(pools: Iterable[tuple[str, int]], taken: Sequence[Subnet]) -> int:
    """How many networks the pools have room for; a pool is (base, prefix length)."""
    free = 0
    for base, length in pools:
        pool = ipaddress.ip_network(base, strict=False)
        mine = [one for one in taken if one.version == pool.version and one.overlaps(pool)]
        if not mine:
            free += 1 << (length - pool.prefixlen)
            continue
        # A smaller network occupies a whole subnet, a larger one several of them.
        subnets = {one if one.prefixlen <= length else one.supernet(new_prefix=length) for one in mine}
        largest = list(ipaddress.collapse_addresses(subnets))  # type: ignore[type-var]
        used = sum(1 << (length - max(one.prefixlen, pool.prefixlen)) for one in largest)
        free += max((1 << (length - pool.prefixlen)) - used, 0)
    return free


def overlaps(platform: Platform, present: Mapping[str, Sequence[str]], known: Sequence[Route]) -> Iterator[str]:
    """The networks of the platform that overlap with others, if they exist or have a subnet in the compose files."""
    own = {one.name: present.get(one.name, one.subnets) for one in platform.networks.values()}
    for name, subnets in own.items():
        for subnet in _parsed(subnets):
            for route in known:
                if not route.interface.startswith(_OF_THE_ENGINE) and _overlap(route.subnet, subnet):
                    yield f"{name} ({subnet}) and {route.subnet} of {route.interface}"
            if name in present:
                continue
            for other, theirs in present.items():
                if any(_overlap(one, subnet) for one in _parsed(theirs)):
                    yield f"{name} ({subnet}) and the network {other}"


def routes() -> tuple[Route, ...]:
    """The networks that this machine has a route to, without its default route. Source: /proc/net/route."""
    try:
        lines = _ROUTES.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return ()
    found = (Route(fields[0], _of_route(fields[1], fields[7])) for fields in map(str.split, lines))
    return tuple(one for one in found if one.subnet.prefixlen)


def _of_route(destination: str, mask: str) -> Subnet:
    """A destination and a mask as the kernel writes them: hexadecimal, in the order of bytes of the machine."""
    address, netmask = (socket.inet_ntoa(struct.pack("=I", int(word, 16))) for word in (destination, mask))
    return ipaddress.ip_network(f"{address}/{netmask}", strict=False)


def _missing(platform: Platform, present: Mapping[str, object]) -> list[str]:
    # Compose creates the networks of all services, whichever it starts.
    used = {name for service in platform.services for name in service.networks}
    wanted = [one for name, one in platform.networks.items() if name in used and not one.external and not one.subnets]
    return [one.name for one in wanted if one.name not in present]


def _parsed(subnets: Iterable[str]) -> list[Subnet]:
    return [ipaddress.ip_network(one, strict=False) for one in subnets]


def _overlap(one: Subnet, other: Subnet) -> bool:
    return one.version == other.version and one.overlaps(other)
