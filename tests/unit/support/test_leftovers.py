"""What a run created is known from the engine's events, also volumes without a name."""

from __future__ import annotations

from typing import Any

from tests.support.leftovers import RUN, created_by_run

Json = dict[str, Any]


def event(kind: str, action: str, one: str, **attributes: str) -> Json:
    return {"Type": kind, "Action": action, "Actor": {"ID": one, "Attributes": attributes}}


def test_an_anonymous_volume_belongs_to_the_run_of_its_container() -> None:
    events = [
        event("container", "create", "mine", name=f"gate-{RUN}-1-db-1"),
        event("container", "create", "other", name="db"),
        event("network", "create", "network", name=f"gate-{RUN}-1_default"),
        event("volume", "create", f"gate-{RUN}-1_data"),
        event("volume", "create", "0123"),
        event("volume", "mount", "0123", container="mine"),
        event("volume", "mount", "4567", container="other"),
        event("container", "create", "lock", name=f"rofecare-lock-gate-{RUN}-1"),
    ]
    assert created_by_run(events) == {"mine", "network", f"gate-{RUN}-1_data", "0123", "lock"}
