"""What reaches what in production, as the documents list it: the ports and networks of each container."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# A port is open in all networks of its container, or in one: 2181 in `zookeeper`.
_PORT = re.compile(r"(\d+)(?: \w+ `([\w-]+)`)?")
_ROW = re.compile(r"^\| `([\w-]+)` \| ([\d][^|]*?|-) \| ((?:`[\w-]+`(?:, )?)+|-) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """The ports on which a container listens, and its networks."""

    ports: frozenset[int]
    networks: frozenset[str]
    # Port -> the one network in which it is open.
    bound: Mapping[int, str]

    def reached_from(self, network: str) -> set[int]:
        """The ports that a container of this network reaches."""
        return {port for port in self.ports if network in self.networks and self.bound.get(port, network) == network}


def documented(path: Path) -> dict[str, Row]:
    """Container -> its row in a document."""
    return {
        name: Row(
            frozenset(int(port) for port, _ in _PORT.findall(ports)),
            frozenset(re.findall(r"`([\w-]+)`", networks)),
            {int(port): network for port, network in _PORT.findall(ports) if network},
        )
        for name, ports, networks in _ROW.findall(path.read_text(encoding="utf-8"))
    }


def reached_from(network: str, rows: Mapping[str, Row]) -> set[tuple[str, int]]:
    """The containers and ports that a container of this network reaches."""
    return {(name, port) for name, row in rows.items() for port in row.reached_from(network)}
