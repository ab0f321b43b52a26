"""The server of a restored database hands it over to the application."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from rofecare_infra.backup.handover import hand_over
from rofecare_infra.backup.journal import Target
from rofecare_infra.backup.server import Server
from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result, run

handover = importlib.import_module("rofecare_infra.backup.handover")
SERVER = Server("shop-db", "p-shop-db-1")
TARGETS = (Target("shop-db", "other", existed=True), Target("shop-db", "shop", existed=True))
ROLE = {"POSTGRES_APPLICATION_USER": "app", "POSTGRES_USER": "rofecare", "POSTGRES_DB": "shop"}


@pytest.mark.parametrize(
    ("environment", "targets", "expected"),
    [
        (ROLE, TARGETS, TARGETS[1].new),
        (ROLE, TARGETS[:1], "shop"),
        (ROLE, (), "shop"),
        ({**ROLE, "POSTGRES_DB": ""}, TARGETS, "rofecare"),
        # A container of an earlier version, and a database without a role for its application.
        ({"POSTGRES_USER": "rofecare", "POSTGRES_DB": "shop"}, TARGETS, ""),
    ],
)
def test_the_new_database_of_the_application(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], targets: tuple[Target, ...], expected: str
) -> None:
    asked: list[list[str]] = []

    def recorded(argv: list[str], **_: Any) -> Result:
        assert argv[:3] == ["docker", "exec", SERVER.container]
        words = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *argv[3:]]
        # The script as a shell runs it, with the last program replaced.
        words = [word.replace("exec bash /etc/rofecare/application-role.sh", "echo") for word in words]
        asked.append(run(words).stdout.split())
        return Result((), 0, "", "")

    monkeypatch.setattr(handover, "run", recorded)
    hand_over(SERVER, targets)
    assert asked == [[expected] if expected else []]


def test_a_failure_names_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        handover, "run", lambda *_, **__: Result((), 1, "", "3 objects cannot be handed over: locked\n")
    )
    with pytest.raises(CommandError, match="shop-db: the restored database cannot be handed over") as caught:
        hand_over(SERVER, TARGETS)
    assert caught.value.seen == "3 objects cannot be handed over: locked"
