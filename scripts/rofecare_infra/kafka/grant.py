"""Gives the users of the broker the rights that the labels grant, and takes all others from them."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from rofecare_infra.engine import Engine
from rofecare_infra.errors import ServiceFailedError, SettingsError
from rofecare_infra.kafka import wire
from rofecare_infra.kafka.broker import ADMINISTRATOR, Broker, broker_of, secret_of_administrator
from rofecare_infra.kafka.rights import rights_of
from rofecare_infra.platform import Platform
from rofecare_infra.process import Shell, in_container
from rofecare_infra.progress import Event, Note


def grant_rights(platform: Platform, engine: Engine, shell: Shell = in_container) -> Generator[Event, None, None]:
    """Make the rights at the running broker those of the labels; nothing where its clients need no login.

    Raises ServiceFailedError where the broker refuses.
    """
    service = broker_of(platform)
    if service is None:
        return
    running = [one for one in engine.containers_of(platform.project, {service.name}) if one.status == "running"]
    if not running:
        return
    password = _read(platform.secrets[secret_of_administrator(service)])
    broker = Broker(running[0], service, ADMINISTRATOR, password, shell)
    wanted = rights_of(platform.labels)
    (answer,) = broker.ask(wire.describe())
    present = wire.described(answer)
    if isinstance(present, wire.Refusal):
        raise _refused(broker, present)
    added, removed = sorted(wanted - present), sorted(present - wanted)
    if not added and not removed:
        return
    # New rights first: a user that keeps its work keeps a right to it at every moment.
    answers = broker.ask(wire.create(added), wire.delete(removed))
    refusal = wire.refused_creation(answers[0]) or wire.refused_deletion(answers[1])
    if refusal is not None:
        raise _refused(broker, refusal)
    yield Note(f"rights in Kafka: {len(added)} added, {len(removed)} removed, {len(wanted)} in force")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(
            "the password of Kafka's own user cannot be read",
            seen=str(error),
            expected=f"{path} as a file that this user may read",
            next_step="correct the cause, then run the same command again",
        ) from error


def _refused(broker: Broker, refusal: wire.Refusal) -> ServiceFailedError:
    return ServiceFailedError(
        f"{broker.service.name} does not change the rights of its users",
        seen=f"error {refusal.code} of Kafka's protocol{f': {refusal.message}' if refusal.message else ''}",
        expected="a broker that changes rights for its own user",
        next_step="inv logs kafka",
    )
