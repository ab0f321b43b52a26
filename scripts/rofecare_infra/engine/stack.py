"""The engine of a manager as one whose containers are the tasks of a stack, on whatever node they run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

from rofecare_infra.engine.answers import ANSWER_TIMEOUT, answers
from rofecare_infra.engine.client import Engine
from rofecare_infra.engine.nodes import Node
from rofecare_infra.engine.reach import HERE, Reach, contexts, reach_of
from rofecare_infra.engine.records import Container, Death
from rofecare_infra.engine.tasks import ENDED, Json, containers_of_tasks, name_in_stack, replica_of
from rofecare_infra.errors import CommandError, EngineError, GateTimeoutError
from rofecare_infra.process import inside, run
from rofecare_infra.state import SYSTEM_CLOCK, Clock, poll

# Each piece of a log is preceded by its stream and its length.
_HEADER = 8
# In seconds: between two looks, the default grace period of a container, and what may come on top of it.
_POLL = 0.5
_GRACE = 10.0
_MARGIN = 60.0
_LOOK = 'if [ -e "$1" ]; then echo there; else echo absent; fi'
_FOUND = {"there": True, "absent": False}


class StackEngine(Engine):
    """A manager: its containers are the tasks of a stack, on whatever node they run.

    `id` of a container is that of a replica, which stays the same when its task is replaced.
    """

    def __init__(self, engine: Engine) -> None:
        self._api = engine._api  # noqa: SLF001 - of the same room
        # The same engine with the containers of its own machine.
        self.local = engine
        # Id of a service -> its replicas before it was stopped.
        self._before: dict[str, int] = {}
        # Replica -> its task and its record, from the last look.
        self._tasks: dict[str, Json] = {}
        self._seen: dict[str, Container] = {}
        # Replica -> its last task that had a container.
        self._logged: dict[str, Json] = {}

    @cached_property
    def _own_node(self) -> str:
        return self.membership().node_id

    @cached_property
    def _contexts(self) -> dict[str, str]:
        return contexts()

    def way_to(self, node: Node) -> Reach:
        """The way to the engine of a node. The docker contexts are read when a node is first another one."""
        return HERE if node.id == self._own_node else reach_of(node, self._own_node, self._contexts)

    def containers(self, project: str) -> tuple[Container, ...]:
        """The replicas of all services of the stack."""
        return self._replicas(project, None)

    def containers_of(self, project: str, services: Collection[str]) -> tuple[Container, ...]:
        """The same of these services: the number of requests does not depend on the number of tasks."""
        return self._replicas(project, services)

    def _replicas(self, project: str, wanted: Collection[str] | None) -> tuple[Container, ...]:
        services = [one for one in self.stack_services(project) if wanted is None or name_in_stack(one) in wanted]
        tasks = sorted(self.stack_tasks(project) if services else (), key=lambda one: str(one.get("CreatedAt")))
        self._tasks |= {replica_of(one): one for one in tasks}
        # A task that waits for its restart has no log yet: the one before has the reason.
        self._logged |= {replica_of(one): one for one in tasks if _container(one)}
        nodes = [node for node in self.nodes() if node.state != "down"] if tasks else []
        found = containers_of_tasks(services, tasks, {node.id: node.hostname for node in nodes})
        ways = {node.hostname: self.way_to(node).words for node in nodes}
        replicas = [replace(one, docker=ways.get(one.node, one.docker)) for one in found]
        self._seen |= {one.id: one for one in replicas}
        return tuple(map(self._probed, replicas))

    def _probed(self, replica: Container) -> Container:
        """With the output of the last health check, where the container is on this node."""
        if replica.health != "starting":
            return replica
        found = self.local.inspect(self._container_of(replica.id))
        return replace(replica, probe=found.probe) if found is not None else replica

    def _container_of(self, replica: str) -> str:
        return _container(self._tasks.get(replica, {})) or "-"

    @contextmanager
    def awake(self, project: str, clock: Clock) -> Iterator[Clock]:
        """The same clock: containers on other nodes have no events here."""
        del project
        yield clock

    def memory(self, container: str) -> int | None:
        """The memory of a replica on this node; None elsewhere."""
        return self.local.memory(self._container_of(container))

    def has_file(self, container: str, path: str) -> bool:
        """Whether this file is in the container of a replica; not where none runs."""
        one = self._seen.get(container)
        if one is None or one.status != "running":
            return False
        if one.docker == HERE.words:
            return self.local.has_file(self._container_of(container), path)
        # An answer of its own, and not an exit code: that of a failed connection is no answer.
        answer = run(inside(one, "sh", "-c", _LOOK, "sh", path), check=False, timeout=ANSWER_TIMEOUT)
        if answer.stdout.strip() not in _FOUND:
            raise EngineError(
                f"{one.name} on {one.node} does not answer",
                seen=answer.last,
                expected="an engine that this machine reaches, and a container that runs there",
                next_step="inv nodes; then the same command again",
            )
        return _FOUND[answer.stdout.strip()]

    def scale(self, project: str, replicas: Mapping[str, int]) -> None:
        """Give these services of the stack so many replicas; one that runs on each node has no number.

        Raises CommandError where the stack does not have one of them.
        """
        there = {name_in_stack(one): one for one in self.stack_services(project)}
        absent = sorted(set(replicas) - set(there))
        if absent:
            raise CommandError(
                f"{', '.join(absent)} cannot be started",
                seen="no service of this name in the stack",
                expected=f"the services of the compose files in the stack {project}",
                next_step="inv deploy",
            )
        for name, count in replicas.items():
            self._scale(there[name], count)

    def _scale(self, service: Json, count: int) -> None:
        def changed(found: Json) -> Json | None:
            mode = {"Replicated": {"Replicas": count}}
            return {**found["Spec"], "Mode": mode} if _replicas(found) not in {None, count} else None

        self.update_service(service["ID"], changed)

    def stop(self, container: str) -> None:
        """Stop the service of a replica on all nodes, and wait until its tasks have ended.

        Of a service that runs on each node the replica alone is stopped, and the Swarm starts it again. Raises
        GateTimeoutError where tasks do not end.
        """
        service = self._service_of(container)
        if service is None:
            return
        count = _replicas(service)
        if count is None:
            one = self._seen.get(container)
            if one is not None and one.status == "running":
                run([*one.docker, "stop", one.name], timeout=_grace(service) + _MARGIN)
            return
        if count:
            self._before[service["ID"]] = count
            self._scale(service, 0)
        self._wait_for_end(service)

    def start(self, container: str) -> None:
        """Give the service of a replica as many replicas as it had before it was stopped."""
        service = self._service_of(container)
        if service is not None and _replicas(service) is not None:
            self._scale(service, self._before.get(service["ID"], 1))

    def remove(self, container: str, *, force: bool = False) -> None:
        """Nothing: the Swarm removes the containers of its tasks. `force` stops the service first."""
        if container not in self._seen:
            super().remove(container, force=force)
        elif force:
            self.stop(container)

    def _service_of(self, replica: str) -> Json | None:
        return self.inspect_service(replica.partition(".")[0])

    def _wait_for_end(self, service: Json) -> None:
        def look() -> list[Json]:
            # Nobody hears of what ends on a node that is down.
            down = {node.id for node in self.nodes() if node.state == "down"}
            found = self.tasks_of(service["ID"])
            return [one for one in found if one["Status"].get("State") not in ENDED and one.get("NodeID") not in down]

        wait_for_end(name_in_stack(service), look, _grace(service), SYSTEM_CLOCK)

    def last_death(self, container: str) -> Death | None:
        """Not known: a replica that ended has a new container."""
        del container
        return None

    def log_tail(self, container: str, lines: int) -> tuple[str, ...]:
        """The last log lines of a replica, on whatever node it runs."""
        return tuple(text for _, text in self.past_log(container, since=None, tail=lines) if text.strip())

    def past_log(self, container: str, *, since: float | None, tail: int | None) -> list[tuple[str, str]]:
        """Log lines until now as (time, text)."""
        return list(self._log(container, since=since, tail=tail, follow=False))

    def follow_log(self, container: str, *, since: float | None, tail: int | None) -> Iterator[tuple[str, str]]:
        """The same, continued live until the task ends or the connection drops."""
        return self._log(container, since=since, tail=tail, follow=True)

    def _log(self, replica: str, *, since: float | None, tail: int | None, follow: bool) -> Iterator[tuple[str, str]]:
        task = self._logged.get(replica)
        if task is None:
            return
        asked = {"stdout": 1, "stderr": 1, "timestamps": 1, "tail": "all" if tail is None else tail}
        asked |= {"follow": 1} if follow else {}
        asked |= {"since": int(since)} if since is not None else {}
        url = f"{self._api.base_url}/v{self._api.api_version}/tasks/{task['ID']}/logs"
        with answers():
            answer = self._api.get(url, params=asked, stream=True, timeout=None if follow else ANSWER_TIMEOUT)
            answer.raise_for_status()
            for piece in _pieces(answer.iter_content(None)):
                for line in piece.removesuffix(b"\n").split(b"\n"):
                    moment, _, text = line.decode(errors="replace").rstrip("\r\n").partition(" ")
                    yield moment, text


def wait_for_end(what: str, left: Callable[[], Sequence[object]], grace: float, clock: Clock) -> None:
    """Wait until no task is left, somewhat longer than their grace period (in seconds). Raises GateTimeoutError."""
    timeout = grace + _MARGIN
    *_, last = poll(left, lambda seen: not seen, every=_POLL, timeout=timeout, clock=clock)
    if last:
        raise GateTimeoutError(
            f"{what} did not stop",
            seen=f"{len(last)} tasks that have not ended after {timeout:.0f} s",
            expected="nodes that answer",
            next_step="inv nodes; then the same command again",
        )


def _container(task: Json) -> str:
    """The id of the container of a task; empty if it has none yet."""
    status: Json = task.get("Status") or {}
    return str((status.get("ContainerStatus") or {}).get("ContainerID") or "")


def _replicas(service: Json) -> int | None:
    """The number of replicas that a service should have; None if it runs on each node."""
    replicated = (service["Spec"].get("Mode") or {}).get("Replicated")
    return None if replicated is None else int(replicated.get("Replicas") or 0)


def _grace(service: Json) -> float:
    """How long the containers of a service may take to stop, in seconds."""
    nanoseconds = service["Spec"]["TaskTemplate"]["ContainerSpec"].get("StopGracePeriod")
    return float(nanoseconds or _GRACE * 1e9) / 1e9


def _pieces(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a log: each is preceded by its stream and its length."""
    rest = b""
    for chunk in chunks:
        rest += chunk
        while len(rest) >= _HEADER:
            end = _HEADER + int.from_bytes(rest[4:_HEADER], "big")
            if len(rest) < end:
                break
            yield rest[_HEADER:end]
            rest = rest[end:]
