"""The nodes of a Swarm: the part of the engine's requests that concerns them, and the configs that all of them see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rofecare_infra.engine.answers import answers, or_none
from rofecare_infra.errors import CommandError

if TYPE_CHECKING:
    import docker

# The label of everything that `docker stack deploy` creates; its value is the name of the stack.
LABEL_STACK = "com.docker.stack.namespace"
_NO_NEW_PRIVILEGES = "name=no-new-privileges"
# The image store that an engine has unless it uses that of containerd.
_CONTAINERD = "io.containerd.snapshotter.v1"
# A node may change between reading and writing it; then the engine refuses the write.
_ATTEMPTS = 5


@dataclass(frozen=True)
class Facts:
    """What the engine of a node reports about itself; the managers do not know it."""

    # Whether its configuration denies new privileges to every container.
    no_new_privileges: bool
    # Whether `docker load` accepts archives without the layers that it has.
    skips_layers: bool
    # In which it stores images and volumes, on its own machine.
    folder: str
    # Bytes that are free there; None where that is unknown.
    free_disk: int | None = None


@dataclass(frozen=True)
class Node:
    """A machine of a Swarm, as its managers describe it."""

    id: str
    hostname: str
    address: str
    # manager or worker.
    role: str
    # ready, down, disconnected or unknown.
    state: str
    # active, pause or drain.
    availability: str
    labels: Mapping[str, str] = field(default_factory=dict)
    # In bytes.
    memory: int = 0
    cpus: float = 0.0
    version: str = ""
    # What its own engine reports; None if it was not asked or did not answer.
    facts: Facts | None = None

    @property
    def is_usable(self) -> bool:
        """Whether the Swarm starts tasks on it."""
        return self.state == "ready" and self.availability == "active"


@dataclass(frozen=True)
class Membership:
    """The part that an engine has in a Swarm."""

    # inactive, pending, active, error or locked.
    state: str
    is_manager: bool
    # Of this engine as a node; empty outside of a Swarm.
    node_id: str


def node_of(described: Mapping[str, Any]) -> Node:
    """The node that an answer of the engine describes."""
    spec, status = described["Spec"], described.get("Status") or {}
    machine = described.get("Description") or {}
    resources = machine.get("Resources") or {}
    # A manager may know no other address of itself than 0.0.0.0.
    manager = str((described.get("ManagerStatus") or {}).get("Addr") or "").rpartition(":")[0]
    return Node(
        id=str(described["ID"]),
        hostname=str(machine.get("Hostname") or described["ID"]),
        address=manager.strip("[]") or str(status.get("Addr") or ""),
        role=str(spec.get("Role") or ""),
        state=str(status.get("State") or "unknown"),
        availability=str(spec.get("Availability") or ""),
        labels=spec.get("Labels") or {},
        memory=int(resources.get("MemoryBytes") or 0),
        cpus=int(resources.get("NanoCPUs") or 0) / 1e9,
        version=str((machine.get("Engine") or {}).get("EngineVersion") or ""),
    )


def facts_of(info: Mapping[str, Any]) -> Facts:
    """The facts in the answer of an engine about itself."""
    driver = [str(value) for pair in info.get("DriverStatus") or () for value in pair]
    return Facts(
        no_new_privileges=_NO_NEW_PRIVILEGES in (info.get("SecurityOptions") or ()),
        skips_layers=_CONTAINERD not in driver,
        folder=str(info.get("DockerRootDir") or ""),
    )


class NodeRequests:
    """The requests to a manager. Every method raises EngineError if the engine does not answer."""

    _api: docker.APIClient

    def membership(self) -> Membership:
        """The part of this engine in a Swarm."""
        with answers():
            swarm = self._api.info().get("Swarm") or {}
        state = str(swarm.get("LocalNodeState") or "inactive")
        return Membership(state, bool(swarm.get("ControlAvailable")), str(swarm.get("NodeID") or ""))

    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the Swarm, by hostname."""
        with answers():
            found = [node_of(one) for one in self._api.nodes()]
        return tuple(sorted(found, key=lambda node: (node.hostname, node.id)))

    def label_node(self, node: str, labels: Mapping[str, str | None]) -> None:
        """Set these labels of the node with this id, and remove those without a value; others stay."""
        for attempt in range(_ATTEMPTS):
            with answers():
                found = self._api.inspect_node(node)
            spec = found["Spec"]
            wanted: dict[str, str | None] = {**(spec.get("Labels") or {}), **labels}
            spec["Labels"] = {name: value for name, value in wanted.items() if value is not None}
            try:
                with answers():
                    self._api.update_node(node, found["Version"]["Index"], spec)
            except CommandError as error:
                if "out of sequence" not in error.seen or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def running_tasks(self, stack: str) -> tuple[tuple[str, str], ...]:
        """The service and the id of the node of each running task of a stack, sorted."""
        mine = {"label": f"{LABEL_STACK}={stack}"}
        with answers():
            there = self._api.services(filters=mine)  # type: ignore[no-untyped-call]
            tasks = self._api.tasks(filters={**mine, "desired-state": "running"})  # type: ignore[no-untyped-call]
        services = {one["ID"]: str(one["Spec"]["Name"]) for one in there}
        running = [one for one in tasks if (one.get("Status") or {}).get("State") == "running"]
        prefix = f"{stack}_"
        return tuple(
            sorted(
                (services[one["ServiceID"]].removeprefix(prefix), str(one["NodeID"]))
                for one in running
                if one["ServiceID"] in services
            )
        )

    def configs(self, label: str) -> dict[str, Mapping[str, str]]:
        """Config -> its labels, of all configs of the Swarm that have this label: `name` or `name=value`."""
        with answers():
            found = self._api.configs(filters={"label": label})  # type: ignore[no-untyped-call]
        return {str(one["Spec"]["Name"]): one["Spec"].get("Labels") or {} for one in found}

    def make_config(self, name: str, content: str, labels: Mapping[str, str]) -> None:
        """Create a config; the engine refuses a name that is taken."""
        with answers():
            self._api.create_config(name, content.encode(), labels=dict(labels))

    def reserve_config(self, name: str, labels: Mapping[str, str]) -> bool:
        """Create a config for its name and labels; return False if the name is taken."""
        import docker.errors
        import requests

        with answers():
            try:
                self._api.create_config(name, name.encode(), labels=dict(labels))
            except docker.errors.APIError as error:
                if error.status_code != requests.codes.conflict:
                    raise
                return False
            return True

    def config_named(self, name: str) -> tuple[str, Mapping[str, str]] | None:
        """The id and the labels of a config; None if there is none of this name."""
        with answers():
            found = self._api.configs(filters={"name": name})  # type: ignore[no-untyped-call]
        mine = [(str(one["ID"]), one["Spec"].get("Labels") or {}) for one in found if one["Spec"]["Name"] == name]
        return mine[0] if mine else None

    def remove_config(self, name: str) -> None:
        """Remove a config, which the engine refuses as long as a service uses it."""
        with answers():
            self._api.remove_config(name)  # type: ignore[no-untyped-call]

    def configs_of(self, service: str) -> tuple[str, ...]:
        """The configs that a service of the Swarm mounts; none where there is no such service."""
        with answers():
            found = or_none(self._api.inspect_service, service) or {}
        container = ((found.get("Spec") or {}).get("TaskTemplate") or {}).get("ContainerSpec") or {}
        return tuple(str(one["ConfigName"]) for one in container.get("Configs") or ())
