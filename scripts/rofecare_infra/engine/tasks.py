"""The tasks of a stack as containers: one record per replica, which the same judge understands.

A task becomes `running` when its health check has passed; a replica that is restarted gets a new task, and the earlier
ones stay in the history for a while.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rofecare_infra.engine.nodes import LABEL_STACK
from rofecare_infra.engine.records import Container

Json = Mapping[str, Any]

# Of a service of a stack: the name of its image in the compose files, the id of this image, and what the rest of its
# definition, besides its secrets, is recognized by.
LABEL_IMAGE = "com.rofecare.stack.image"
LABEL_IMAGE_ID = "com.rofecare.stack.image-id"
LABEL_DEFINITION = "com.rofecare.stack.definition"

# What a task is before its container runs.
_BEFORE = frozenset({"new", "pending", "allocated", "assigned", "accepted", "preparing", "ready"})
_ENDED_BADLY = frozenset({"failed", "rejected"})
# Stopped on purpose, or lost with its node: no longer a replica.
_GONE = frozenset({"shutdown", "remove", "orphaned"})
ENDED = _ENDED_BADLY | _GONE | {"complete"}
# The states of an update that the Swarm has given up. When its rollback is complete, the service is as before.
_GIVEN_UP = frozenset({"paused", "rollback_started", "rollback_paused"})
# Of an exit code alone; the record has it.
_EXIT = re.compile(r"task: non-zero exit \(\d+\)$")


def containers_of_tasks(services: Sequence[Json], tasks: Sequence[Json], nodes: Mapping[str, str]) -> list[Container]:
    """One record per replica of these services.

    `tasks` are those that agree with the present definition of their service: a replica that still runs by an earlier
    one has none, and its record is that of a container that is not started yet. `nodes` maps the ids of the nodes that
    answer to their host names: a task on another one is lost with it, whatever the Swarm still says of it.
    """
    # Service -> its replicas -> their tasks, from the first to the last.
    slots: dict[str, dict[str, list[Json]]] = {}
    for task in sorted(tasks, key=lambda one: str(one.get("CreatedAt") or "")):
        slots.setdefault(str(task["ServiceID"]), {}).setdefault(replica_of(task), []).append(task)
    found = []
    for service in services:
        mine = [history for _, history in sorted(slots.get(service["ID"], {}).items())]
        records = [_record(service, history, nodes) for history in mine if not _is_gone(history[-1], nodes)]
        missing = range(len(records) + 1, _wanted(service) + 1)
        found += [*records, *(_absent(service, number) for number in missing)]
    return sorted(found, key=lambda one: one.name)


def replica_of(task: Json) -> str:
    """The replica that a task is: by its number, or by its node where a service runs on each."""
    return f"{task['ServiceID']}.{_slot(task)}"


def _is_gone(task: Json, nodes: Mapping[str, str]) -> bool:
    return _state(task) in _GONE or task.get("NodeID", "") not in {"", *nodes}


def _slot(task: Json) -> str:
    return str(task.get("Slot") or task.get("NodeID") or "")


def _wanted(service: Json) -> int:
    """The number of replicas that the service should have."""
    replicated = (service["Spec"].get("Mode") or {}).get("Replicated")
    if replicated is not None:
        return int(replicated.get("Replicas") or 0)
    return max(int((service.get("ServiceStatus") or {}).get("DesiredTasks") or 0), 1)


def name_in_stack(service: Json) -> str:
    """The name of a service in the compose files: without that of its stack."""
    spec = service["Spec"]
    return str(spec["Name"]).removeprefix(f"{(spec.get('Labels') or {}).get(LABEL_STACK, '')}_")


def definition_of(rest: str, secrets: Iterable[str]) -> str:
    """What the definition of a service is recognized by: the names of its secrets, which change alone, and the rest."""
    return " ".join((rest, *sorted(secrets)))


def _record(service: Json, history: Sequence[Json], nodes: Mapping[str, str]) -> Container:
    task = history[-1]
    state, moment = _state(task), str(task["Status"].get("Timestamp") or "")
    earlier = [one for one in history if _state(one) in _ENDED_BADLY]
    common: dict[str, Any] = {
        **_common(service, replica_of(task)),
        "name": f"{service['Spec']['Name']}.{_slot(task)}.{task['ID']}",
        "restarts": len([one for one in earlier if one is not task]),
        "created_at": str(task.get("CreatedAt") or ""),
        "node": nodes.get(str(task.get("NodeID") or ""), ""),
    }
    given_up = _given_up(service)
    if given_up:
        return Container(**common, status="created", error=given_up)
    if state == "running":
        health = "healthy" if _has_healthcheck(service) else None
        return Container(**common, status="running", health=health, started_at=moment, ready_at=moment)
    if state == "starting":
        return Container(**common, status="running", health="starting", started_at=moment)
    if state == "complete":
        return Container(**common, status="exited", finished_at=moment)
    if state in _ENDED_BADLY:
        return Container(**common, **_end(task), status="exited", finished_at=moment)
    if state in _BEFORE and task["Status"].get("Err"):
        # No node may run it.
        return Container(**common, status="created", error=str(task["Status"]["Err"]))
    if earlier:
        last = earlier[-1]
        status = "created" if _state(last) == "rejected" else "restarting"
        return Container(**common, **_end(last), status=status)
    return Container(**common, status="created")


def _absent(service: Json, number: int) -> Container:
    name = f"{service['Spec']['Name']}.{number}"
    common = _common(service, f"{service['ID']}.new-{number}")
    return Container(**common, name=name, status="created", error=_given_up(service))


def _common(service: Json, replica: str) -> dict[str, Any]:
    container: Json = service["Spec"]["TaskTemplate"]["ContainerSpec"]
    described: Mapping[str, str] = service["Spec"].get("Labels") or {}
    return {
        "id": replica,
        "service": name_in_stack(service),
        "image": described.get(LABEL_IMAGE) or str(container.get("Image") or ""),
        "image_id": described.get(LABEL_IMAGE_ID) or str(container.get("Image") or ""),
        "config_hash": definition_of(
            described.get(LABEL_DEFINITION, ""), [str(one["SecretName"]) for one in container.get("Secrets") or ()]
        ),
        "labels": container.get("Labels") or {},
    }


def _end(task: Json) -> dict[str, Any]:
    status: Json = task["Status"]
    error = str(status.get("Err") or "")
    code = int((status.get("ContainerStatus") or {}).get("ExitCode") or 0)
    return {"exit_code": code, "error": "" if code and _EXIT.fullmatch(error) else error}


def _given_up(service: Json) -> str:
    update: Json = service.get("UpdateStatus") or {}
    state = str(update.get("State") or "")
    return f"the update was given up ({state}): {update.get('Message')}" if state in _GIVEN_UP else ""


def _has_healthcheck(service: Json) -> bool:
    test = (service["Spec"]["TaskTemplate"]["ContainerSpec"].get("Healthcheck") or {}).get("Test") or ()
    return bool(test) and list(test) != ["NONE"]


def _state(task: Json) -> str:
    return str(task["Status"].get("State") or "")
