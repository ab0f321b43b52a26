"""The rights at the broker become those of the labels; passwords are in no argument."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.errors import ServiceFailedError, SettingsError
from rofecare_infra.kafka import Broker, Right, broker_of, grant_rights, rights_of, user_of, wire
from rofecare_infra.platform import Platform, Service
from rofecare_infra.progress import Note
from tests.support.broker import MemoryBroker
from tests.support.fakes import FakeEngine, container, drain, service

SECRETS = {"kafka_password": "kafka", "ward_kafka_password": "ward"}
LABELS = {"ward": {"com.rofecare.kafka.produces": "beds", "com.rofecare.kafka.consumes": "rounds"}}
OLD = Right("User:ward", 2, "beds-of-before", 3, 4)


def kafka(protocol: str = "SASL_PLAINTEXT") -> Service:
    return service(
        "broker",
        secrets=tuple(SECRETS),
        secret_files={name: f"/run/secrets/kafka-users/{user}" for name, user in SECRETS.items()},
        environment={
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": f"INTERNAL:{protocol}",
            "KAFKA_LISTENERS": "INTERNAL://0.0.0.0:29092",
        },
    )


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    for name in SECRETS:
        (tmp_path / name).write_text(f"the {name}\n")
    paths = {name: tmp_path / name for name in SECRETS}
    return Platform("p", (kafka(), service("ward", "business")), paths, labels=LABELS)


def engine(status: str = "running") -> FakeEngine:
    return FakeEngine([container("broker", status=status)])


def broker() -> MemoryBroker:
    return MemoryBroker(kafka="the kafka_password", ward="the ward_kafka_password")


def test_the_labels_decide_what_is_added_and_removed(platform: Platform) -> None:
    memory = broker()
    memory.rights = {OLD}
    events, _ = drain(grant_rights(platform, engine(), memory))
    assert memory.rights == rights_of(LABELS)
    assert events == [Note("rights in Kafka: 6 added, 1 removed, 6 in force")]
    assert "the kafka_password" not in memory.arguments
    assert memory.arguments.endswith("29092 4")


def test_nothing_is_changed_where_nothing_differs(platform: Platform) -> None:
    memory = broker()
    memory.rights = {*rights_of(LABELS)}
    events, _ = drain(grant_rights(platform, engine(), memory))
    assert events == []
    assert 30 not in memory.asked
    assert 31 not in memory.asked


def test_rights_of_services_that_a_command_leaves_out_stay(platform: Platform) -> None:
    memory = broker()
    drain(grant_rights(replace(platform, services=(kafka(),)), engine(), memory))
    assert memory.rights == rights_of(LABELS)


def test_without_a_login_there_are_no_rights(platform: Platform) -> None:
    memory = broker()
    drain(grant_rights(replace(platform, services=(kafka("PLAINTEXT"),)), engine(), memory))
    drain(grant_rights(platform, engine("exited"), memory))
    assert memory.asked == []


def test_a_broker_with_an_older_password_is_named(platform: Platform) -> None:
    memory = broker()
    memory.users["kafka"] = "of before"
    with pytest.raises(ServiceFailedError, match="broker refuses its user kafka") as refusal:
        drain(grant_rights(platform, engine(), memory))
    assert "docker restart" in refusal.value.next_step


@pytest.mark.parametrize("error", [31, 54])
def test_a_refused_change_is_an_error(platform: Platform, error: int) -> None:
    memory = broker()
    memory.error = error
    with pytest.raises(ServiceFailedError) as refusal:
        drain(grant_rights(platform, engine(), memory))
    assert f"error {error}" in refusal.value.seen


def test_a_silent_broker_is_an_error(platform: Platform) -> None:
    memory = broker()
    memory.silent = True
    with pytest.raises(ServiceFailedError) as refusal:
        drain(grant_rights(platform, engine(), memory))
    assert "Connection refused" in refusal.value.seen


def test_an_unreadable_password_is_an_error_of_the_settings(platform: Platform) -> None:
    platform.secrets["kafka_password"].unlink()
    with pytest.raises(SettingsError):
        drain(grant_rights(platform, engine(), broker()))


def test_a_login() -> None:
    memory = broker()
    assert Broker(container("kafka"), kafka(), "ward", "the ward_kafka_password", memory).accepts()
    assert not Broker(container("kafka"), kafka(), "ward", "another", memory).accepts()


def test_which_secret_is_whose() -> None:
    assert user_of(kafka(), "ward_kafka_password") == "ward"
    assert user_of(kafka(), "other") == ""
    assert user_of(kafka("PLAINTEXT"), "ward_kafka_password") == ""
    assert broker_of(Platform("p", (service("ward"),))) is None


@pytest.mark.parametrize("answer", [b"", b"\0" * 9, b"\0" * 12 + struct.pack(">i", 1)])
def test_an_answer_that_ends_too_early(answer: bytes) -> None:
    with pytest.raises(ServiceFailedError) as refusal:
        wire.described(answer)
    assert "too early" in refusal.value.seen
