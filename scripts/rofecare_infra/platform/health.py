"""Where an application answers whether it is ready: its labels, and what its health check asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rofecare_infra.platform.model import Service

LABEL_HEALTH_PORT = "com.rofecare.health.port"
LABEL_HEALTH_PATH = "com.rofecare.health.path"
# The health check of the applications, which reads its port and path from its environment.
_PROBE = "/etc/rofecare/ready.sh"
# The defaults of Spring Boot.
_BASE, _HEALTH, _READINESS = "/actuator", "/health", "/readiness"
# For a label, which becomes part of a configuration: nothing that has a meaning there.
_PATH = re.compile(r"/[\w./~%-]*")


@dataclass(frozen=True)
class Health:
    """A port and a path inside the containers."""

    port: int
    path: str

    @property
    def whole(self) -> str:
        """The path of the health of which readiness is a part, as Spring Boot has it; otherwise the same path."""
        return self.path.removesuffix(_READINESS)

    @property
    def metrics(self) -> str:
        """The path of the metrics: beside the health, if that is where Spring Boot has it."""
        base = self.whole.removesuffix(_HEALTH) if self.whole.endswith(_HEALTH) else _BASE
        return f"{base}/prometheus"


def health_of(service: Service) -> Health | None:
    """Where the readiness of a service is: by its labels, or by its variables. None if neither gives a port."""
    port = service.labels.get(LABEL_HEALTH_PORT) or _port(service.environment)
    path = service.labels.get(LABEL_HEALTH_PATH) or _path(service.environment)
    return Health(int(port), path) if _valid(port) else None


def contradictions(service: Service) -> Iterator[tuple[str, str]]:
    """What is seen and what is expected, for each label that the health check of the service contradicts."""
    asked = {LABEL_HEALTH_PORT: _port(service.environment), LABEL_HEALTH_PATH: _path(service.environment)}
    variables = {LABEL_HEALTH_PORT: "HEALTH_PORT", LABEL_HEALTH_PATH: "HEALTH_PATH"}
    for label, value in asked.items():
        declared = service.labels.get(label)
        if declared is None:
            continue
        if not (_valid(declared) if label == LABEL_HEALTH_PORT else _PATH.fullmatch(declared)):
            expected = (
                "a number from 1 to 65535"
                if label == LABEL_HEALTH_PORT
                else "a path that begins with /, without special characters"
            )
            yield f"its label {label} is {declared!r}", expected
        elif declared != value and _PROBE in service.health_check:
            yield (
                f"its label {label} says {declared}, and its health check asks {value or 'none'}",
                f'{variables[label]}: "{declared}" in its environment, too: a container cannot read its labels',
            )


def _port(environment: Mapping[str, str]) -> str:
    names = ("HEALTH_PORT", "MANAGEMENT_SERVER_PORT", "SERVER_PORT")
    return next((environment[name] for name in names if environment.get(name)), "")


def _path(environment: Mapping[str, str]) -> str:
    base = environment.get("MANAGEMENT_SERVER_BASE_PATH", "")
    base += environment.get("MANAGEMENT_ENDPOINTS_WEB_BASE_PATH") or _BASE
    return environment.get("HEALTH_PATH") or f"{base.removesuffix('/')}{_HEALTH}{_READINESS}"


def _valid(port: str) -> bool:
    return port.isdecimal() and 0 < int(port) < 2**16
