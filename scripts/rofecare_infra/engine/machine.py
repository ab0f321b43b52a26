"""The machine of the engine: the part of its requests that concerns capacity, clock and networks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rofecare_infra.engine.answers import answers
from rofecare_infra.engine.records import LABEL_PROJECT

if TYPE_CHECKING:
    import docker

# The pools of an engine whose configuration names none: (base, prefix length of each network).
DEFAULT_POOLS = (
    *((f"172.{number}.0.0/16", 16) for number in (17, 18, 19)),
    *((f"172.{number}.0.0/14", 16) for number in (20, 24, 28)),
    ("192.168.0.0/16", 20),
)

_BRIDGE_NAME = "com.docker.network.bridge.name"
# The names that the engine gives the others, as iptables matches them.
_BRIDGES = "br-+"


@dataclass(frozen=True)
class Machine:
    """What the engine reports about itself and its machine; `memory` in bytes."""

    version: str
    cores: int
    memory: int
    # In which the engine stores images, volumes and logs; empty if it does not report one.
    folder: str
    # From which networks without a subnet of their own get one: (base, prefix length).
    pools: tuple[tuple[str, int], ...]
    # Without root, the engine has a network namespace of its own, to which other machines have no route.
    rootless: bool = False


@dataclass(frozen=True)
class Bridge:
    """The bridge of a network on the engine's machine; `interface` is a pattern where the engine chooses the name."""

    interface: str
    subnets: tuple[str, ...]


def machine_of(info: Mapping[str, Any]) -> Machine:
    """The machine that an answer of the engine describes."""
    pools = tuple((str(one["Base"]), int(one["Size"])) for one in info.get("DefaultAddressPools") or ())
    return Machine(
        version=str(info.get("ServerVersion") or ""),
        cores=int(info.get("NCPU") or 0),
        memory=int(info.get("MemTotal") or 0),
        folder=str(info.get("DockerRootDir") or ""),
        pools=pools or DEFAULT_POOLS,
        rootless="name=rootless" in (info.get("SecurityOptions") or ()),
    )


class MachineRequests:
    """The requests that concern the machine. Every method raises EngineError if the engine does not answer."""

    _api: docker.APIClient

    def machine(self) -> Machine:
        """The machine of the engine."""
        with answers():
            return machine_of(self._api.info())

    def folder(self) -> str | None:
        """The folder in which the engine stores images and volumes, on its own machine."""
        return self.machine().folder or None

    def identity(self) -> str:
        """The id of the engine; empty if it has none."""
        with answers():
            return str(self._api.info().get("ID") or "")

    def time(self) -> datetime | None:
        """The time by the clock of the engine's machine; None if it reports none."""
        with answers():
            reported = str(self._api.info().get("SystemTime") or "")
        try:
            found = datetime.fromisoformat(reported)
        except ValueError:
            return None
        return found if found.tzinfo is not None else None

    def networks(self) -> dict[str, tuple[str, ...]]:
        """Network -> its subnets, of all networks on the engine."""
        with answers():
            found = self._api.networks()
        return {one["Name"]: _subnets(one) for one in found}

    def bridges(self, project: str) -> tuple[Bridge, ...]:
        """The bridges of the networks of a project, in the order of their subnets."""
        with answers():
            found = self._api.networks(filters={"label": f"{LABEL_PROJECT}={project}", "driver": "bridge"})
        bridges = (Bridge((one.get("Options") or {}).get(_BRIDGE_NAME, _BRIDGES), _subnets(one)) for one in found)
        return tuple(sorted((one for one in bridges if one.subnets), key=lambda one: one.subnets))


def _subnets(network: Mapping[str, Any]) -> tuple[str, ...]:
    configured = (network.get("IPAM") or {}).get("Config") or ()
    return tuple(each["Subnet"] for each in configured if each.get("Subnet"))
