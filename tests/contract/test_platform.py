"""The compose files agree with the platform as its owner documents it."""

from __future__ import annotations

from typing import Any

import pytest

from rofecare_infra.platform import defects, parse
from tests.support.documented import (
    APPLICATIONS,
    BUSINESS,
    CLOUD,
    DATABASES,
    EVERYTHING,
    INFRASTRUCTURE,
    database_name,
    database_of,
)

Json = dict[str, Any]

PHASE = {
    **dict.fromkeys(INFRASTRUCTURE, "infrastructure"),
    **dict.fromkeys(CLOUD, "spring-cloud"),
    **dict.fromkeys(BUSINESS, "business"),
}
NEEDS = {
    "kafka": {"zookeeper"},
    "rofecare-discovery-server": {"rofecare-config-server"},
    "rofecare-gateway": {"rofecare-discovery-server", "rofecare-config-server", "redis"},
    **{
        name: {
            name.removeprefix("rofecare-service-") + "-db",
            "rofecare-config-server",
            "rofecare-discovery-server",
            "redis",
            "kafka",
        }
        for name in BUSINESS
    },
}


def test_the_22_services(model: Json) -> None:
    assert model["name"] == "rofecare"
    assert set(model["services"]) == set(EVERYTHING)
    assert len(EVERYTHING) == 22


@pytest.mark.parametrize(("name", "ports"), [*EVERYTHING.items()], ids=EVERYTHING)
def test_ports_are_the_documented_ones_on_the_loopback_address(model: Json, name: str, ports: tuple[int, int]) -> None:
    found = [(port["host_ip"], int(port["published"]), port["target"]) for port in model["services"][name]["ports"]]
    assert found == [("127.0.0.1", *ports)]


@pytest.mark.parametrize("name", EVERYTHING)
def test_phases(model: Json, name: str) -> None:
    assert model["services"][name]["labels"]["com.rofecare.phase"] == PHASE[name]


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_needs_what_and_that_it_is_healthy(model: Json, name: str) -> None:
    needs = model["services"][name].get("depends_on", {})
    assert set(needs) == NEEDS.get(name, set())
    assert {need["condition"] for need in needs.values()} <= {"service_healthy"}


def test_the_order_of_the_start(model: Json) -> None:
    stages = [(stage.phase, set(stage.names)) for stage in parse(model).stages()]
    assert stages == [
        ("infrastructure", set(INFRASTRUCTURE) - {"kafka"}),
        ("infrastructure", {"kafka"}),
        ("spring-cloud", {"rofecare-config-server"}),
        ("spring-cloud", {"rofecare-discovery-server"}),
        ("spring-cloud", {"rofecare-gateway"}),
        ("business", set(BUSINESS)),
    ]
    assert list(defects(parse(model))) == []


@pytest.mark.parametrize("name", DATABASES)
def test_each_database_is_its_own(model: Json, name: str) -> None:
    database = model["services"][name]
    assert database["environment"]["POSTGRES_DB"] == database_name(name)
    assert "POSTGRES_PASSWORD" not in database["environment"]
    assert database["environment"]["POSTGRES_PASSWORD_FILE"] == "/run/secrets/postgres_password"
    assert database["environment"]["POSTGRES_APPLICATION_USER"] == database_name(name)
    assert database["environment"]["POSTGRES_APPLICATION_PASSWORD_FILE"] == "/run/secrets/application_password"
    own = name.replace("-", "_")
    assert [(secret["source"], secret["target"]) for secret in database["secrets"]] == [
        (f"{own}_password", "postgres_password"),
        (f"{own}_application_password", "application_password"),
    ]


@pytest.mark.parametrize("name", BUSINESS)
def test_each_service_has_its_own_database(model: Json, name: str) -> None:
    environment = model["services"][name]["environment"]
    database = database_of(name)
    assert environment["SPRING_DATASOURCE_URL"] == f"jdbc:postgresql://{database}:5432/{database_name(database)}"
    user = model["services"][database]["environment"]["POSTGRES_APPLICATION_USER"]
    assert environment["SPRING_DATASOURCE_USERNAME"] == user
    administrator = model["services"][database]["secrets"][0]["source"]
    users = [name for name, one in model["services"].items() if administrator in str(one.get("secrets"))]
    assert users == [database], "the server alone knows the password of the administrator"
    targets = {secret["target"]: secret["source"] for secret in model["services"][name]["secrets"]}
    assert targets == {
        "spring.datasource.password": database.replace("-", "_") + "_application_password",
        "spring.data.redis.password": "redis_password",
        "JWT_SECRET": "jwt_secret",
    }


@pytest.mark.parametrize("name", DATABASES)
def test_a_network_a_database_shared_with_its_own_service_alone(model: Json, name: str) -> None:
    assert set(model["services"][name]["networks"]) == {name}
    members = {service for service, one in model["services"].items() if name in one["networks"]}
    assert members == {name, "rofecare-service-" + name.removesuffix("-db")}


def test_the_gateway_alone_is_at_the_edge(model: Json) -> None:
    assert [name for name, one in model["services"].items() if "edge" in one["networks"]] == ["rofecare-gateway"]


@pytest.mark.parametrize("name", [name for name in EVERYTHING if name not in DATABASES])
def test_everything_else_shares_one_network(model: Json, name: str) -> None:
    assert "backend" in model["services"][name]["networks"]


@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_contract_of_the_applications(model: Json, name: str) -> None:
    service = model["services"][name]
    environment = service["environment"]
    assert environment["SPRING_PROFILES_ACTIVE"] == "docker"
    assert environment["SPRING_APPLICATION_NAME"] == name
    assert environment["SERVER_PORT"] == str(EVERYTHING[name][1])
    assert "optional:configtree:/run/secrets/" in environment["SPRING_CONFIG_IMPORT"]
    assert service["labels"]["com.rofecare.checkout"] == name
    if name == "rofecare-config-server":
        return
    assert environment["SPRING_CONFIG_IMPORT"].startswith("configserver:http://rofecare-config-server:8888,")
    eureka = "http://rofecare-discovery-server:8761/eureka/"
    assert environment["EUREKA_CLIENT_SERVICEURL_DEFAULTZONE"] == eureka


@pytest.mark.parametrize("name", ["rofecare-gateway", *BUSINESS])
def test_who_uses_redis(model: Json, name: str) -> None:
    environment = model["services"][name]["environment"]
    assert (environment["SPRING_DATA_REDIS_HOST"], environment["SPRING_DATA_REDIS_PORT"]) == ("redis", "6379")


@pytest.mark.parametrize("name", BUSINESS)
def test_who_uses_kafka(model: Json, name: str) -> None:
    assert model["services"][name]["environment"]["SPRING_KAFKA_BOOTSTRAP_SERVERS"] == "kafka:29092"


def test_kafka_is_reached_from_containers_and_from_this_machine(model: Json) -> None:
    environment = model["services"]["kafka"]["environment"]
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "INTERNAL://kafka:29092,EXTERNAL://localhost:9092"
    assert environment["KAFKA_ZOOKEEPER_CONNECT"] == "zookeeper:2181"


def test_kafka_advertises_the_port_that_is_published(model_of: Any) -> None:
    moved = model_of("docker-compose.yml", KAFKA_PORT="19092")["services"]["kafka"]
    assert moved["ports"][0]["published"] == "19092"
    assert moved["environment"]["KAFKA_ADVERTISED_LISTENERS"].endswith("EXTERNAL://localhost:19092")


def test_mail_and_files_belong_to_the_platform_service(model: Json) -> None:
    users = {
        name
        for name, one in model["services"].items()
        if any(key.startswith(("SMTP_", "S3_")) for key in one.get("environment", {}))
    }
    assert users == {"rofecare-service-platform"}
    environment = model["services"]["rofecare-service-platform"]["environment"]
    assert {"SMTP_HOST", "SMTP_PORT", "S3_BUCKET", "S3_REGION"} <= set(environment)


DATA = {
    **{name: {f"{name}-data": "/var/lib/postgresql/data"} for name in DATABASES},
    "redis": {"redis-data": "/data"},
    "kafka": {"kafka-data": "/var/lib/kafka/data"},
    "zookeeper": {"zookeeper-data": "/var/lib/zookeeper/data", "zookeeper-log": "/var/lib/zookeeper/log"},
}


@pytest.mark.parametrize("name", EVERYTHING)
def test_data_is_in_named_volumes(model: Json, name: str) -> None:
    mounts = model["services"][name].get("volumes", [])
    assert {mount["type"] for mount in mounts} <= {"volume"}
    assert {mount["source"]: mount["target"] for mount in mounts} == DATA.get(name, {})


def test_no_volume_is_left_over(model: Json) -> None:
    assert set(model["volumes"]) == {volume for volumes in DATA.values() for volume in volumes}
