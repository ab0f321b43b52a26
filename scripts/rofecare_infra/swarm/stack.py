"""Turns the merged production model into a stack of a Swarm: a pure function, by the rows of the table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rofecare_infra.swarm.service import Given, service_of
from rofecare_infra.swarm.table import FILE, NETWORK, TOP, VOLUME, Refusal, refused_keys

Json = Mapping[str, Any]

# Bytes that a Swarm stores in one config or secret.
LARGEST = 500_000


@dataclass(frozen=True)
class Stack:
    """What is deployed, whole: `part` is what `docker stack deploy` gets for some of the services."""

    project: str
    services: Json
    networks: Json
    volumes: Json
    # Name in the Swarm -> content.
    configs: Mapping[str, bytes] = field(repr=False)
    secrets: Mapping[str, bytes] = field(repr=False)
    # What the engines of all nodes must have: `no-new-privileges`.
    required: frozenset[str] = frozenset()
    # Services that publish a port on every address of their nodes.
    published: tuple[str, ...] = ()

    def part(self, names: Collection[str]) -> dict[str, Any]:
        """The stack document with these services, and what they use."""
        services = {name: service for name, service in self.services.items() if name in names}
        networks = {name for one in services.values() for name in one.get("networks") or ()}
        volumes = {mount.get("source") for one in services.values() for mount in one.get("volumes") or ()}
        document: dict[str, Any] = {
            "services": services,
            "networks": {name: one for name, one in self.networks.items() if name in networks},
            "volumes": {name: one for name, one in self.volumes.items() if name in volumes},
        }
        for kind in ("configs", "secrets"):
            used = sorted({one["source"] for each in services.values() for one in each.get(kind) or ()})
            document[kind] = {name: {"external": True, "name": name} for name in used}
        interpolated: dict[str, Any] = _doubled(document)
        return interpolated


def stack_of(  # noqa: PLR0913 - all that the stack depends on
    model: Json,
    files: Mapping[str, bytes],
    *,
    key: bytes,
    placement: Mapping[str, str],
    with_data: Collection[str] = (),
    images: Mapping[str, str] | None = None,
    encrypted: bool = False,
    software: str = "",
    nodes: int = 1,
) -> tuple[Stack, tuple[Refusal, ...]]:
    """The stack of this model, and what of the model a Swarm cannot do: nothing is deployed then.

    `files` maps the path of each file that the model names, or that is below a folder that it mounts, to its content;
    those below the folder `software` become configs, others secrets. `placement` maps each service with data to its
    node, of `nodes` that run tasks. `with_data` are those that had data once: they do not start on an empty volume.
    `images` maps the name of an image in the model to that on the nodes.
    """
    project = str(model["name"])
    refused: list[Refusal] = [*refused_keys("top level", TOP, model)]
    for kind in ("configs", "secrets"):
        for name, one in (model.get(kind) or {}).items():
            refused += refused_keys(f"{kind[:-1]} {name}", FILE, one)
    given = Given(project, model, files, key, placement, frozenset(with_data), images or {}, software, nodes)
    services: dict[str, Any] = {}
    configs: dict[str, bytes] = {}
    secrets: dict[str, bytes] = {}
    required: set[str] = set()
    for name, service in (model.get("services") or {}).items():
        made = service_of(given, name, service)
        refused += made.refused
        services[name] = made.document
        configs |= made.configs
        secrets |= made.secrets
        required |= made.required
    refused += [
        Refusal("file", name, f"{len(content)} bytes; a Swarm stores 1 to {LARGEST}")
        for name, content in {**configs, **secrets}.items()
        if not 0 < len(content) <= LARGEST
    ]
    networks: dict[str, Any] = {}
    for name, network in (model.get("networks") or {}).items():
        refused += refused_keys(f"network {name}", NETWORK, network or {})
        networks[name] = _network(network or {}, encrypted=encrypted)
    volumes: dict[str, Any] = {}
    for name, volume in (model.get("volumes") or {}).items():
        refused += refused_keys(f"volume {name}", VOLUME, volume or {})
        volumes[name] = {key: value for key, value in (volume or {}).items() if value and key != "external"}
    published = tuple(name for name, service in services.items() if service.get("ports"))
    stack = Stack(project, services, networks, volumes, configs, secrets, frozenset(required), published)
    return stack, tuple(refused)


def paths_of(model: Json) -> Iterator[str]:
    """The files and folders of this machine that the services of the model use."""
    services: Json = model.get("services") or {}
    for kind in ("configs", "secrets"):
        used = {one["source"] for service in services.values() for one in service.get(kind) or ()}
        yield from (str(one["file"]) for name, one in (model.get(kind) or {}).items() if name in used and "file" in one)
    for service in services.values():
        yield from (one["source"] for one in service.get("volumes") or () if one.get("type") == "bind")


def contents(paths: Collection[str]) -> dict[str, bytes]:
    """The content of these files, and of all files below these folders. Raises OSError."""
    found: dict[str, bytes] = {}
    for path in map(Path, dict.fromkeys(paths)):
        inside = [one for one in sorted(path.rglob("*")) if one.is_file()] if path.is_dir() else [path]
        found |= {str(one): one.read_bytes() for one in inside if one.is_file()}
    return found


def _network(network: Json, *, encrypted: bool) -> dict[str, Any]:
    made = {key: network[key] for key in ("attachable", "internal", "labels", "name") if network.get(key)}
    if network.get("external"):
        return {"external": True, "name": network.get("name")}
    config = [{"subnet": one["subnet"]} for one in (network.get("ipam") or {}).get("config") or () if one.get("subnet")]
    return {
        **made,
        "driver": "overlay",
        **({"ipam": {"config": config}} if config else {}),
        **({"driver_opts": {"encrypted": "true"}} if encrypted else {}),
    }


def _doubled(value: Any) -> Any:  # noqa: ANN401 - JSON
    """The same for a command that replaces variables in it."""
    if isinstance(value, str):
        return value.replace("$", "$$")
    if isinstance(value, Mapping):
        return {key: _doubled(one) for key, one in value.items()}
    return [_doubled(one) for one in value] if isinstance(value, list | tuple) else value
