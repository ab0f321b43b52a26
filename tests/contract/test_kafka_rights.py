"""Kafka in production: who logs in, which rights the labels grant, and who reaches ZooKeeper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from rofecare_infra.kafka import broker_of, rights_of, user_of
from rofecare_infra.platform import Platform, parse
from rofecare_infra.rotation.kinds import Kind, secret_of
from tests.support.documented import BUSINESS

Json = dict[str, Any]
MakeModel = Callable[..., Json]

_FILES = ("docker-compose.yml", "docker-compose.prod.yml")
_MONITORED = (*_FILES, "docker-compose.monitoring.yml")
_LABEL = "com.rofecare.kafka."


@pytest.fixture(scope="module")
def model(model_of: MakeModel) -> Json:
    return model_of(*_MONITORED, KAFKA_PROTOCOL="SASL_PLAINTEXT")


@pytest.fixture(scope="module")
def platform(model: Json) -> Platform:
    return parse(model)


def topics(platform: Platform, service: str, kind: str) -> set[str]:
    return set(platform.service(service).labels.get(f"{_LABEL}{kind}", "").split())


@pytest.mark.parametrize("name", BUSINESS)
def test_the_labels_are_the_topics_of_the_reference_service(platform: Platform, root: Path, name: str) -> None:
    path = root / f"docker/reference/config-server/src/main/resources/config/{name}.yml"
    declared = yaml.safe_load(path.read_text())["rofecare"]["topics"]
    assert topics(platform, name, "produces") == set(declared["published"])
    assert topics(platform, name, "consumes") == set(declared["consumed"])


def test_each_consumed_topic_has_one_producer(platform: Platform) -> None:
    produced = [topic for name in BUSINESS for topic in topics(platform, name, "produces")]
    assert len(produced) == len(set(produced)) == 12
    assert {topic for name in BUSINESS for topic in topics(platform, name, "consumes")} <= set(produced)


def test_a_service_has_no_right_to_topics_of_others(platform: Platform) -> None:
    rights = rights_of(platform.labels)
    assert {one.principal for one in rights} <= {*(f"User:{name}" for name in BUSINESS), "User:monitoring"}
    mine = {one.name for one in rights if one.principal == "User:rofecare-service-patient"}
    assert mine == {"patient-events", "user-events", "rofecare-service-patient"}


@pytest.mark.parametrize("name", BUSINESS)
def test_each_service_is_a_user_with_a_password_of_its_own(platform: Platform, name: str) -> None:
    broker = broker_of(platform)
    assert broker is not None
    service = platform.service(name)
    (secret,) = (one for one, path in service.secret_files.items() if path == "/run/secrets/rofecare.kafka.password")
    assert user_of(broker, secret) == name == service.environment["SPRING_APPLICATION_NAME"]
    assert service.environment["SPRING_KAFKA_SECURITY_PROTOCOL"] == "SASL_PLAINTEXT"
    line = service.environment["SPRING_KAFKA_PROPERTIES_SASL_JAAS_CONFIG"]
    # With each dollar sign doubled, as compose prints it.
    assert line.replace("$$", "$").endswith(
        ' username="${spring.application.name}" password="${rofecare.kafka.password}";'
    )
    assert {one.name for one in platform.services if secret in one.secrets} == {"kafka", name}
    found = secret_of(platform, secret)
    assert (found.kind, {one.name for one in found.together}) == (Kind.BROKER, {"kafka", name})


def test_every_user_of_the_broker_is_known(platform: Platform) -> None:
    broker = broker_of(platform)
    assert broker is not None
    users = {user_of(broker, secret) for secret in broker.secrets}
    assert users == {*BUSINESS, "monitoring", "kafka"}
    readers = {one.name for one in platform.services if "monitoring_kafka_password" in one.secrets}
    assert readers == {"kafka", "consumer-lag", "kafka-ui"}
    assert {platform.service(name).labels[f"{_LABEL}user"] for name in readers - {"kafka"}} == {"monitoring"}


def test_without_authentication_nobody_logs_in(model_of: MakeModel) -> None:
    open_to_all = parse(model_of(*_MONITORED, KAFKA_PROTOCOL="PLAINTEXT"))
    assert broker_of(open_to_all) is None
    assert {open_to_all.service(name).environment["SPRING_KAFKA_SECURITY_PROTOCOL"] for name in BUSINESS} == {
        "PLAINTEXT"
    }
    assert open_to_all.service("consumer-lag").environment["SECURITY_PROTOCOL"] == "PLAINTEXT"


def test_development_needs_no_login(model_of: MakeModel) -> None:
    development = parse(model_of("docker-compose.yml", "docker-compose.monitoring.yml"))
    assert broker_of(development) is None
    assert development.service("consumer-lag").environment["SECURITY_PROTOCOL"] == "PLAINTEXT"
    assert not any("kafka" in secret for secret in development.service("kafka").secrets)


def test_zookeeper_takes_nobody_but_kafka(model: Json) -> None:
    zookeeper = model["services"]["zookeeper"]
    assert {name for name, one in model["services"].items() if "zookeeper" in (one.get("networks") or {})} == {
        "zookeeper",
        "kafka",
    }
    (address,) = zookeeper["networks"]["zookeeper"]["aliases"]
    assert zookeeper["environment"]["ZOOKEEPER_CLIENT_PORT_ADDRESS"] == address
    assert model["services"]["kafka"]["environment"]["KAFKA_ZOOKEEPER_CONNECT"] == f"{address}:2181"
    assert f"/dev/tcp/{address}/2181" in zookeeper["healthcheck"]["test"][-1]
    assert zookeeper["environment"]["ZOOKEEPER_ADMIN_ENABLE_SERVER"] == "false"
    assert model["networks"]["zookeeper"]["internal"]
