"""The sums of the limits of all containers that run, computed from a compose model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Of one container, or the sum of several: processors, MiB, processes."""

    containers: int
    cpus: float
    memory: int
    pids: int

    def row(self, label: str) -> str:
        """A row of the table in the documents."""
        return f"| {label} | {self.containers} | {self.cpus:g} | {self.memory} | {self.pids} |"


def limits_of(service: Json) -> Limits:
    """The limits of one container. Raises KeyError if one is missing."""
    limits = service["deploy"]["resources"]["limits"]
    return Limits(1, float(limits["cpus"]), int(limits["memory"]) // _MEBIBYTE, int(limits["pids"]))


def sum_of(model: Json) -> Limits:
    """The sum over all containers, without those that exit after their work."""
    found = [
        (limits_of(service), int(service["deploy"].get("replicas", 1)))
        for service in model["services"].values()
        if service["restart"] != "no"
    ]
    return Limits(
        sum(count for _, count in found),
        sum(one.cpus * count for one, count in found),
        sum(one.memory * count for one, count in found),
        sum(one.pids * count for one, count in found),
    )
