"""Parses the answers of the engine into frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]

LABEL_PROJECT = "com.docker.compose.project"
LABEL_SERVICE = "com.docker.compose.service"
LABEL_CONFIG_HASH = "com.docker.compose.config-hash"
LABEL_ONE_OFF = "com.docker.compose.oneoff"
LABEL_CONFIG_FILES = "com.docker.compose.project.config_files"
LABEL_VOLUME = "com.docker.compose.volume"
LABEL_DEPENDS_ON = "com.docker.compose.depends_on"

_UP = frozenset({"running", "paused", "restarting"})
# The engine keeps this many results of a container's health check.
_PROBES_KEPT = 5


@dataclass(frozen=True)
class Container:
    """The state of one container at one moment."""

    id: str
    name: str
    service: str
    # created, running, paused, restarting, removing, exited or dead.
    status: str
    # starting, healthy or unhealthy; None without a health check.
    health: str | None = None
    exit_code: int = 0
    oom_killed: bool = False
    restarts: int = 0
    # An error of the engine itself, such as a port that it could not bind.
    error: str = ""
    # ISO 8601, from the engine; empty if it never happened.
    created_at: str = ""
    started_at: str = ""
    finished_at: str = ""
    # The end of the first health check that passed since the start; empty once the engine has dropped its result.
    ready_at: str = ""
    # The limit of processors; 0 for none.
    cpus: float = 0.0
    # The output of the last health check, on one line.
    probe: str = ""
    image: str = ""
    image_id: str = ""
    config_hash: str = ""
    depends_on: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    # The node of a Swarm on which it runs; empty on one server.
    node: str = ""
    # How a docker command for its engine begins.
    docker: tuple[str, ...] = ("docker",)

    @property
    def project(self) -> str:
        """The compose project of the container; empty if it has none."""
        return self.labels.get(LABEL_PROJECT, "")

    @property
    def is_up(self) -> bool:
        """Whether it was started and not stopped: running, paused, or restarting."""
        return self.status in _UP

    @property
    def ready(self) -> bool:
        """Whether it runs and its health check passes."""
        return self.status == "running" and self.health == "healthy"


@dataclass(frozen=True)
class Death:
    """The exit of a container."""

    exit_code: int
    oom_killed: bool


@dataclass(frozen=True)
class Image:
    """A local image."""

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    # Its names with the digests of the registries that it was pulled from or pushed to.
    digests: tuple[str, ...] = ()


def container_of(inspected: Json) -> Container:
    """The record of one answer to `inspect`."""
    state: Json = inspected["State"]
    config: Json = inspected["Config"]
    labels: Mapping[str, str] = config.get("Labels") or {}
    health: Json = state.get("Health") or {}
    status = health.get("Status")
    return Container(
        id=inspected["Id"],
        name=str(inspected["Name"]).lstrip("/"),
        service=labels.get(LABEL_SERVICE, ""),
        status=state["Status"],
        # The engine reports "none" for a health check that an override file disabled.
        health=status if status != "none" else None,
        exit_code=int(state.get("ExitCode") or 0),
        oom_killed=bool(state.get("OOMKilled")),
        restarts=int(inspected.get("RestartCount") or 0),
        error=str(state.get("Error") or ""),
        created_at=_moment(inspected.get("Created")),
        started_at=_moment(state.get("StartedAt")),
        finished_at=_moment(state.get("FinishedAt")),
        ready_at=_first_passed(health, _moment(state.get("StartedAt"))),
        cpus=float((inspected.get("HostConfig") or {}).get("NanoCpus") or 0) / 1e9,
        probe=_last_probe(health),
        image=str(config.get("Image") or ""),
        image_id=str(inspected.get("Image") or ""),
        config_hash=labels.get(LABEL_CONFIG_HASH, ""),
        depends_on=_dependencies(labels.get(LABEL_DEPENDS_ON, "")),
        labels=labels,
    )


def _moment(value: object) -> str:
    text = str(value or "")
    return "" if text.startswith("0001-") else text


def _last_probe(health: Json) -> str:
    log = health.get("Log") or ()
    if not log:
        return ""
    output = " ".join(str(log[-1].get("Output") or "").split())
    code = log[-1].get("ExitCode")
    return output or f"no output, exit code {code}"


def _first_passed(health: Json, started_at: str) -> str:
    if health.get("Status") != "healthy" or not started_at:
        return ""
    try:
        began = datetime.fromisoformat(started_at)
        # Results of earlier starts of the same container are kept, too.
        log = [one for one in health.get("Log") or () if datetime.fromisoformat(one["Start"]) >= began]
        first = next((number for number, one in enumerate(log) if one["ExitCode"] == 0), None)
        # Where all that is kept has passed, earlier ones may have passed, too.
        known = first is not None and (first > 0 or len(log) < _PROBES_KEPT)
        return _moment(log[first]["End"]) if first is not None and known else ""
    except (KeyError, ValueError, TypeError):
        return ""


def _dependencies(label: str) -> tuple[str, ...]:
    """Compose writes `kafka:service_healthy:false,redis:service_started:true`."""
    return tuple(need.partition(":")[0] for need in label.split(",") if need)
