"""Services, the phases they belong to, and the stages in which they start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# The monitoring may be absent, and can run without the other phases.
MONITORING = "monitoring"
PHASES = ("infrastructure", "spring-cloud", "business", MONITORING)
# A service without a phase label, from an override file, starts after all others.
LAST_PHASE = "other"

LABEL_PHASE = "com.rofecare.phase"
# The mode of a service: `production`, or absent for a development platform.
LABEL_MODE = "com.rofecare.mode"
# The project of a volume that compose does not manage.
LABEL_VOLUME_OF = "com.rofecare.project"
# On a config of a Swarm: the project that has data on one of its nodes.
LABEL_DATA_OF = "com.rofecare.data.project"
# Between the project's and the volume's name, for volumes that `down -v` does not remove.
KEPT = "_production_"
LABEL_CHECKOUT = "com.rofecare.checkout"
# "true" on the ingress: services that accept requests from outside. They stop before the services behind them.
LABEL_INGRESS = "com.rofecare.entry"
# On an ingress that can be closed while it runs: the file in its container whose presence closes it.
LABEL_HOLD = "com.rofecare.hold"
# "true" on the service that signs tokens, "checked" on the one that verifies them, unless that is the ingress: both get
# a new key at the same time.
LABEL_TOKENS = "com.rofecare.tokens"
_CHECKED = "checked"
# The variables of a service that name servers outside of the platform, separated by blanks.
LABEL_OUTSIDE = "com.rofecare.outside"
# The part of a backup that the volumes of a service belong to. They are archived and restored together.
LABEL_BACKUP = "com.rofecare.backup"
# "not in the data" on a service whose volumes do not depend on its secrets: missing ones are generated.
LABEL_SECRETS = "com.rofecare.secrets"
_NOT_IN_THE_DATA = "not in the data"
# Why the volumes of a service are not part of a backup.
LABEL_NO_BACKUP = "com.rofecare.no-backup"


# What is published on every address is reached on this one.
_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - values of compose


def is_ingress(labels: Mapping[str, str]) -> bool:
    """Whether a service or container with these labels accepts requests from outside."""
    return labels.get(LABEL_INGRESS) == "true"


def checks_tokens(labels: Mapping[str, str]) -> bool:
    """Whether a service with these labels verifies the tokens of requests from outside."""
    return is_ingress(labels) or labels.get(LABEL_TOKENS) == _CHECKED


def needs_its_secrets(labels: Mapping[str, str]) -> bool:
    """Whether the data of a service with these labels was created with its secrets."""
    return labels.get(LABEL_SECRETS) != _NOT_IN_THE_DATA


@dataclass(frozen=True)
class Port:
    """A port of a container that is published on an address of this machine."""

    address: str
    published: int
    target: int
    protocol: str = "tcp"

    @property
    def host(self) -> str:
        """The address at which this machine reaches it."""
        return _LOOPBACK.get(self.address, self.address)

    @property
    def url(self) -> str:
        """The same for HTTP."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.published}"


@dataclass(frozen=True)
class Service:
    """One service of the compose model."""

    name: str
    phase: str
    image: str
    # The build section as compose resolved it; None if the image is only pulled.
    build: Mapping[str, object] | None = None
    # The folder beside this repository that contains the source; set for applications only.
    checkout: str | None = None
    has_healthcheck: bool = True
    # The words of its test.
    health_check: tuple[str, ...] = ()
    # It is expected to exit: another service waits for that, or it has neither a restart policy nor a health check.
    one_shot: bool = False
    # Another service waits until it completes: it is ready when it has exited with 0, whatever its health.
    awaited: bool = False
    replicas: int = 1
    depends_on: tuple[str, ...] = ()
    # The grace period in seconds: how long it may take to stop before it is killed. 10 is the default of the engine.
    stop_grace: float = 10.0
    ports: tuple[Port, ...] = ()
    # The ports that it declares for other containers.
    exposed: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    # Volume -> where it is in the containers, of those that it may write to.
    mount_points: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    # Secret -> its file inside the containers.
    secret_files: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    # The names of its networks in the compose files.
    networks: tuple[str, ...] = ()
    # The limit of each container, in bytes; 0 for none.
    memory: int = 0
    # The same for processors; 0 for none.
    cpus: float = 0.0


@dataclass(frozen=True)
class Network:
    """A network of the compose model; `name` is that on the engine. Without subnets, the engine chooses one."""

    name: str
    subnets: tuple[str, ...] = ()
    external: bool = False


@dataclass(frozen=True)
class Stage:
    """Services that start together: all their dependencies are in earlier stages."""

    phase: str
    services: tuple[Service, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its services."""
        return tuple(service.name for service in self.services)


@dataclass(frozen=True)
class Platform:
    """The whole compose model of one project."""

    project: str
    services: tuple[Service, ...]
    # Secret -> its file.
    secrets: Mapping[str, Path] = field(default_factory=dict)
    # Name of a volume in the compose file -> its name on the engine.
    volumes: Mapping[str, str] = field(default_factory=dict)
    # The volumes, by their names on the engine, that compose neither creates nor removes.
    external_volumes: tuple[str, ...] = ()
    # Name of a network in the compose files -> the network.
    networks: Mapping[str, Network] = field(default_factory=dict)
    # Files and folders of this machine that containers mount, without secrets.
    files: tuple[Path, ...] = ()
    # Service -> its labels, also of services that a command leaves out.
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # What compose warned of when it read the files: a variable that is not set, an obsolete attribute.
    warnings: tuple[str, ...] = ()

    @property
    def kept_volumes(self) -> tuple[str, ...]:
        """The external volumes that this program creates: their name starts with the project's."""
        return tuple(name for name in self.external_volumes if name.startswith(f"{self.project}{KEPT}"))

    @property
    def http_port(self) -> Port | None:
        """The published port at which the ingress accepts plain HTTP; None without one, or with TLS."""
        plain = [one for one in self.services if is_ingress(one.labels) and not one.environment.get("TLS_HOST")]
        return next((port for one in plain for port in one.ports), None)

    @property
    def needs(self) -> dict[str, tuple[str, ...]]:
        """Service -> its direct dependencies."""
        return {service.name: service.depends_on for service in self.services}

    def service(self, name: str) -> Service:
        """The service of this name. Raises KeyError if there is none."""
        return {service.name: service for service in self.services}[name]

    def stages(self, phases: Iterable[str] | None = None) -> tuple[Stage, ...]:
        """The stages in start order, of all phases or of the given ones."""
        wanted = set(phases) if phases is not None else None
        return tuple(
            stage
            for phase in (*PHASES, LAST_PHASE)
            if wanted is None or phase in wanted
            for stage in self._stages_of(phase)
        )

    def _stages_of(self, phase: str) -> tuple[Stage, ...]:
        members = [service for service in self.services if service.phase == phase and service.replicas]
        levels = levels_of({service.name: service.depends_on for service in members})
        return tuple(
            Stage(phase, tuple(service for service in members if levels[service.name] == level))
            for level in sorted(set(levels.values()))
        )


def reach(dependencies: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Each name -> all its dependencies, direct and indirect, also those outside the mapping. Cycles end."""

    def all_of(name: str, seen: frozenset[str]) -> frozenset[str]:
        for need in dependencies.get(name, ()):
            if need not in seen:
                seen = all_of(need, seen | {need})
        return seen

    return {name: all_of(name, frozenset()) for name in dependencies}


def levels_of(dependencies: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """The length of the longest chain of dependencies of each name; names outside the mapping are ignored.

    A cycle, which compose refuses, ends where it is detected.
    """
    levels: dict[str, int] = {}

    def level(name: str, above: frozenset[str]) -> int:
        if name not in levels:
            needs = [need for need in dependencies[name] if need in dependencies and need not in above]
            levels[name] = max((1 + level(need, above | {name}) for need in needs), default=0)
        return levels[name]

    for name in dependencies:
        level(name, frozenset())
    return levels
