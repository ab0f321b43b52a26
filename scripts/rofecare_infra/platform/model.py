"""Services, the phases they belong to, and the stages in which they start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

# What watches the platform: it may be absent, and runs without the platform, too.
MONITORING = "monitoring"
PHASES = ("infrastructure", "spring-cloud", "business", MONITORING)
# A service without a phase label, from somebody's own overlay, starts after everything else.
LAST_PHASE = "other"

LABEL_PHASE = "com.rofecare.phase"
# What a service runs as: `production`, or nothing for a development platform.
LABEL_MODE = "com.rofecare.mode"
# The project that a volume belongs to which compose does not know as its own.
LABEL_VOLUME_OF = "com.rofecare.project"
# Between the project's and the volume's name, where the volume outlives every `down -v`.
KEPT = "_production_"
LABEL_CHECKOUT = "com.rofecare.checkout"
# "true" on what lets requests in: it is stopped before everything that a request needs on its way.
LABEL_ENTRY = "com.rofecare.entry"
# "true" on what signs the tokens that the entry lets pass: both read a new key at the same moment.
LABEL_TOKENS = "com.rofecare.tokens"


def lets_in(labels: Mapping[str, str]) -> bool:
    """Whether what carries these labels, a service or a container, lets requests in."""
    return labels.get(LABEL_ENTRY) == "true"


@dataclass(frozen=True)
class Port:
    """A port of a container, published on an address of this machine."""

    address: str
    published: int
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True)
class Service:
    """One service of the compose model, with what the use cases need of it."""

    name: str
    phase: str
    image: str
    # The build section as compose resolved it; None where the image is only ever pulled.
    build: Mapping[str, object] | None = None
    # The folder beside this repository that holds the source: what makes it one of the applications.
    checkout: str | None = None
    has_healthcheck: bool = True
    # It is to end: somebody waits for its end, or nobody restarts it and nothing tells whether it works.
    one_shot: bool = False
    # Another service waits for its end: whatever its health is, it is ready when it has ended well.
    awaited: bool = False
    replicas: int = 1
    depends_on: tuple[str, ...] = ()
    # How long it may take to stop before it is killed, in seconds; the engine's default unless the file says more.
    stop_grace: float = 10.0
    ports: tuple[Port, ...] = ()
    volumes: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    # Secret -> the file that its containers see it as.
    secret_files: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stage:
    """Services that start together: their dependencies are all in stages before this one."""

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
    # Secret -> the file that holds it.
    secrets: Mapping[str, Path] = field(default_factory=dict)
    # Volume as the compose file calls it -> as the engine does.
    volumes: Mapping[str, str] = field(default_factory=dict)
    # Those of them, as the engine calls them, that compose neither makes nor removes.
    external_volumes: tuple[str, ...] = ()

    @property
    def kept_volumes(self) -> tuple[str, ...]:
        """The external volumes that are ours to make: they carry the project's name. Others are their owner's."""
        return tuple(name for name in self.external_volumes if name.startswith(f"{self.project}{KEPT}"))

    def service(self, name: str) -> Service:
        """The service of this name; KeyError when there is none."""
        return {service.name: service for service in self.services}[name]

    def stages(self, phases: Iterable[str] | None = None) -> tuple[Stage, ...]:
        """The stages in start order, of all phases or of those named."""
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


def levels_of(dependencies: Mapping[str, Iterable[str]]) -> dict[str, int]:
    """How many steps of dependencies stand before each name; names outside the mapping count for nothing.

    A circle, which compose refuses anyway, ends at the level where it was met.
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
