"""Parses the output of `docker compose config --format json`, and finds defects in the model."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rofecare_infra.platform.health import contradictions
from rofecare_infra.platform.model import (
    LABEL_CHECKOUT,
    LABEL_PHASE,
    LAST_PHASE,
    PHASES,
    Network,
    Platform,
    Port,
    Service,
)

Json = Mapping[str, Any]

_EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 - values of compose

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def parse(model: Json) -> Platform:
    """The platform that a compose model describes."""
    services: Json = model.get("services") or {}
    awaited = {
        name
        for service in services.values()
        for name, need in (service.get("depends_on") or {}).items()
        if need.get("condition") == "service_completed_successfully"
    }
    return Platform(
        project=str(model["name"]),
        services=tuple(
            _service(name, {"image": f"{model['name']}-{name}", **service}, awaited=name in awaited)
            for name, service in services.items()
        ),
        secrets={
            name: Path(secret["file"]) for name, secret in (model.get("secrets") or {}).items() if "file" in secret
        },
        volumes={name: volume.get("name", name) for name, volume in (model.get("volumes") or {}).items()},
        external_volumes=tuple(
            volume.get("name", name) for name, volume in (model.get("volumes") or {}).items() if volume.get("external")
        ),
        networks={name: _network(name, network or {}) for name, network in (model.get("networks") or {}).items()},
        files=tuple(dict.fromkeys(_files(model))),
        labels={name: _labels(service) for name, service in services.items()},
    )


def _labels(service: Json) -> dict[str, str]:
    return {key: str(value) for key, value in (service.get("labels") or {}).items()}


def _files(model: Json) -> Iterator[Path]:
    yield from (Path(one["file"]) for one in (model.get("configs") or {}).values() if "file" in one)
    for service in (model.get("services") or {}).values():
        yield from (Path(one["source"]) for one in service.get("volumes") or () if one.get("type") == "bind")


def _network(name: str, network: Json) -> Network:
    configured = (network.get("ipam") or {}).get("config") or ()
    subnets = tuple(str(one["subnet"]) for one in configured if one.get("subnet"))
    return Network(str(network.get("name", name)), subnets, bool(network.get("external")))


@dataclass(frozen=True)
class Defect:
    """A defect of the model; `port` is set if it concerns a published port."""

    service: str
    seen: str
    expected: str
    port: int = 0


def defects(platform: Platform) -> Iterator[Defect]:
    """All defects of the model."""
    order = {phase: number for number, phase in enumerate((*PHASES, LAST_PHASE))}
    phase_of = {service.name: service.phase for service in platform.services}
    for service in platform.services:
        if service.phase not in order:
            near = difflib.get_close_matches(service.phase, PHASES, n=1) or PHASES
            yield Defect(service.name, f"its phase is {service.phase!r}", " or ".join(near))
            continue
        for need in service.depends_on:
            if order.get(phase_of.get(need, ""), 0) > order[service.phase]:
                yield Defect(
                    service.name,
                    f"it depends on {need}, which starts in a later phase",
                    "dependencies that start before it",
                )
        for seen, expected in contradictions(service):
            yield Defect(service.name, seen, expected)
        if service.ports and service.replicas > 1:
            yield Defect(
                service.name,
                f"{service.replicas} replicas publish the same port",
                "no published port with replicas",
            )
    yield from _ports_used_twice(platform)


def _ports_used_twice(platform: Platform) -> Iterator[Defect]:
    seen: list[tuple[Port, str]] = []
    for service in platform.services:
        for port in service.ports:
            for other, whose in seen:
                same_address = port.address == other.address or _EVERY_ADDRESS & {port.address, other.address}
                same_number = (port.published, port.protocol) == (other.published, other.protocol)
                if same_number and same_address and whose != service.name:
                    what = f"port {port.published} is also used by {whose}"
                    yield Defect(service.name, what, "a port of its own", port.published)
            seen.append((port, service.name))


def _service(name: str, service: Json, *, awaited: bool) -> Service:
    labels: Json = service.get("labels") or {}
    healthcheck: Json = service.get("healthcheck") or {}
    deploy: Json = service.get("deploy") or {}
    has_healthcheck = bool(healthcheck) and not healthcheck.get("disable") and healthcheck.get("test") != ["NONE"]
    mounts = [one for one in service.get("volumes") or () if one.get("type") == "volume" and one.get("source")]
    return Service(
        name=name,
        phase=str(labels.get(LABEL_PHASE, LAST_PHASE)),
        image=str(service["image"]),
        build=service.get("build"),
        checkout=labels.get(LABEL_CHECKOUT),
        has_healthcheck=has_healthcheck,
        health_check=_words(healthcheck.get("test")),
        # Declared by a dependent that waits until it completes, or by an explicit restart policy.
        one_shot=awaited or (not has_healthcheck and _restart_policy(service) in {"no", "none", "on-failure"}),
        awaited=awaited,
        replicas=int(service.get("scale", deploy.get("replicas", 1))),
        depends_on=tuple(service.get("depends_on") or {}),
        stop_grace=seconds(str(service.get("stop_grace_period", "10s"))),
        ports=tuple(_ports(service)),
        exposed=tuple(int(port) for port in service.get("expose") or () if str(port).isdigit()),
        volumes=tuple(mount["source"] for mount in mounts),
        mount_points={mount["source"]: str(mount.get("target", "")) for mount in mounts if not mount.get("read_only")},
        secrets=tuple(secret["source"] for secret in service.get("secrets") or ()),
        environment={
            key: "" if value is None else str(value) for key, value in (service.get("environment") or {}).items()
        },
        secret_files={secret["source"]: _secret_file(secret) for secret in service.get("secrets") or ()},
        command=tuple(str(word) for word in service.get("command") or ()),
        labels=_labels(service),
        networks=tuple(service.get("networks") or ()),
        memory=int(_limits(service).get("memory") or service.get("mem_limit") or 0),
        cpus=float(_limits(service).get("cpus") or service.get("cpus") or 0),
    )


def _words(test: object) -> tuple[str, ...]:
    return tuple(map(str, test)) if isinstance(test, list) else ()


def _limits(service: Json) -> Json:
    limits: Json = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return limits


def _secret_file(secret: Json) -> str:
    # An absolute path stays unchanged.
    return posixpath.join("/run/secrets", str(secret.get("target") or secret["source"]))


def seconds(duration: str) -> float:
    """A duration as compose prints it: `1m30s` -> 90."""
    parts = re.findall(r"([\d.]+)(h|ms|m|s|us|ns)", duration)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _restart_policy(service: Json) -> str:
    """The policy without its count: `on-failure:3` -> `on-failure`; empty if none is declared."""
    deployed: Json = (service.get("deploy") or {}).get("restart_policy") or {}
    return str(service.get("restart") or deployed.get("condition") or "").partition(":")[0]


def _ports(service: Json) -> Iterator[Port]:
    for port in service.get("ports") or ():
        published = str(port.get("published") or "")
        # With a range or without a port, the engine chooses one.
        if published.isdigit():
            # The long syntax of an override file keeps brackets.
            address = (port.get("host_ip") or "0.0.0.0").strip("[]")  # noqa: S104 - the default of compose
            yield Port(address, int(published), int(port["target"]), port.get("protocol") or "tcp")
