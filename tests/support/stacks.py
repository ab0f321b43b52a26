"""Services and tasks of a stack, as a manager describes them."""

from __future__ import annotations

from typing import Any

TEST = {"Test": ["CMD", "true"]}


def service(replicas: int | None = 1, **more: Any) -> dict[str, Any]:
    """A service of the stack `his`; without a number of replicas it runs on every node."""
    mode = {"Global": {}} if replicas is None else {"Replicated": {"Replicas": replicas}}
    labels = {"com.docker.stack.namespace": "his"}
    container = {"Image": "db:1", "Labels": {"com.rofecare.phase": "infrastructure"}, "Healthcheck": TEST}
    spec = {"Name": "his_db", "Labels": labels, "Mode": mode, "TaskTemplate": {"ContainerSpec": container}}
    return {"ID": "s1", "Spec": spec, **more}


def task(state: str, *, slot: int = 1, number: int = 1, code: int = 0, error: str = "", **more: Any) -> dict[str, Any]:
    status = {"State": state, "Timestamp": f"2026-01-01T00:00:0{number}Z", "Err": error}
    status["ContainerStatus"] = {"ExitCode": code}  # type: ignore[assignment]
    created = f"2026-01-01T00:00:0{number}Z"
    where = {"Slot": slot} if slot else {}
    return {
        "ID": f"t{number}",
        "ServiceID": "s1",
        "NodeID": "n1",
        "CreatedAt": created,
        "Status": status,
        **where,
        **more,
    }
