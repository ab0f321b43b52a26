"""The compose model as compose printed it becomes records; what cannot work in it is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.platform import LAST_PHASE, Defect, Platform, Port, defects, parse

RECORDED = Path(__file__).parent / "recorded" / "model.json"


@pytest.fixture(scope="module")
def platform() -> Platform:
    return parse(json.loads(RECORDED.read_text()))


def model(**services: dict[str, Any]) -> Platform:
    return parse({"name": "p", "services": services})


def test_a_database(platform: Platform) -> None:
    database = platform.service("identity-db")
    assert database.phase == "infrastructure"
    assert database.image == "rofecare/postgres:17"
    assert database.checkout is None
    assert database.has_healthcheck
    assert not database.one_shot
    assert database.ports == (Port("127.0.0.1", 5432, 5432),)
    assert database.volumes == ("identity-db-data",)
    assert database.secrets == ("identity_db_password",)
    assert database.environment["POSTGRES_DB"] == "rofecare_identity"
    assert database.depends_on == ()


def test_where_a_port_is_reached() -> None:
    reached = {
        "0.0.0.0": "127.0.0.1",  # noqa: S104 - a value of compose
        "::": "[::1]",
        "[::1]": "[::1]",
        "2001:db8::5": "[2001:db8::5]",
        "10.0.0.5": "10.0.0.5",
    }
    for address, host in reached.items():
        ports = [{"host_ip": address, "published": "8080", "target": 80}]
        assert model(x={"image": "i", "ports": ports}).services[0].ports[0].url == f"http://{host}:8080"


def test_an_application(platform: Platform) -> None:
    identity = platform.service("rofecare-service-identity")
    assert (identity.phase, identity.checkout) == ("business", "rofecare-service-identity")
    assert set(identity.depends_on) == {
        "identity-db",
        "kafka",
        "redis",
        "rofecare-config-server",
        "rofecare-discovery-server",
    }
    assert identity.build is not None
    assert identity.build["context"] == "/srv/rofecare-infrastructure/docker/reference"
    assert identity.secrets == ("redis_password", "jwt_secret", "identity_db_password")


def test_secrets_and_volumes_of_the_whole(platform: Platform) -> None:
    assert platform.project == "rofecare"
    assert platform.secrets["jwt_secret"] == Path("/srv/rofecare-infrastructure/docker/secrets/jwt_secret")
    assert platform.volumes["kafka-data"] == "rofecare_kafka-data"


def test_the_recorded_model_starts_in_the_documented_order(platform: Platform) -> None:
    assert [stage.names for stage in platform.stages()] == [
        ("identity-db", "redis", "zookeeper"),
        ("kafka",),
        ("rofecare-config-server",),
        ("rofecare-discovery-server",),
        ("rofecare-gateway",),
        ("rofecare-service-identity",),
    ]
    assert list(defects(platform)) == []


def test_the_least_that_compose_prints() -> None:
    found = parse({"name": "p", "services": {"x": {"build": {"context": "."}}}}).service("x")
    assert (found.phase, found.image, found.has_healthcheck) == (LAST_PHASE, "p-x", False)
    assert not found.one_shot
    assert found.replicas == 1
    assert parse({"name": "p"}).services == ()


@pytest.mark.parametrize(
    ("healthcheck", "has_one"),
    [
        ({"test": ["CMD", "true"]}, True),
        ({"test": ["NONE"]}, False),
        ({"disable": True}, False),
        ({}, False),
        (None, False),
    ],
)
def test_what_counts_as_a_health_check(healthcheck: dict[str, Any] | None, *, has_one: bool) -> None:
    assert model(x={"image": "i", "healthcheck": healthcheck}).service("x").has_healthcheck is has_one


def test_a_one_shot_is_one_whose_end_is_awaited() -> None:
    found = model(
        migrate={"image": "i"},
        app={"image": "i", "depends_on": {"migrate": {"condition": "service_completed_successfully"}}},
    )
    assert [one.one_shot for one in found.services] == [True, False]


@pytest.mark.parametrize(
    ("restart", "one_shot"),
    [("no", True), ("on-failure", True), ("always", False), ("unless-stopped", False), (None, False)],
)
def test_a_restart_policy_that_is_spelt_out_marks_a_one_shot(restart: str | None, *, one_shot: bool) -> None:
    assert model(x={"image": "i", "restart": restart}).service("x").one_shot is one_shot


def test_what_has_a_health_check_is_no_one_shot() -> None:
    checked = {"image": "i", "restart": "no", "healthcheck": {"test": ["CMD", "true"]}}
    assert not model(x=checked).service("x").one_shot


@pytest.mark.parametrize(("more", "count"), [({"scale": 3}, 3), ({"deploy": {"replicas": 2}}, 2), ({"scale": 0}, 0)])
def test_replicas(more: dict[str, Any], count: int) -> None:
    assert model(x={"image": "i", **more}).service("x").replicas == count


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        ({"host_ip": "127.0.0.1", "published": "80", "target": 8080}, (Port("127.0.0.1", 80, 8080),)),
        ({"published": "80", "target": 8080}, (Port("0.0.0.0", 80, 8080),)),  # noqa: S104 - what compose means
        ({"published": "8000-8010", "target": 80}, ()),
        ({"target": 80}, ()),
    ],
)
def test_ports(port: dict[str, Any], expected: tuple[Port, ...]) -> None:
    assert model(x={"image": "i", "ports": [port]}).service("x").ports == expected


def test_only_named_volumes_count() -> None:
    mounts = [
        {"type": "bind", "source": "/srv"},
        {"type": "volume", "source": "data"},
        {"type": "volume"},
        {"type": "tmpfs"},
    ]
    assert model(x={"image": "i", "volumes": mounts}).service("x").volumes == ("data",)


LABEL = "com.rofecare.phase"


def test_a_phase_that_looks_like_one() -> None:
    found = model(x={"image": "i", "labels": {LABEL: "infrastructur"}})
    assert list(defects(found)) == [Defect("x", "its phase is 'infrastructur'", "infrastructure")]


def test_a_phase_that_looks_like_none() -> None:
    found = model(x={"image": "i", "labels": {LABEL: "7"}})
    every = "infrastructure or spring-cloud or business or monitoring"
    assert list(defects(found)) == [Defect("x", "its phase is '7'", every)]


def test_a_need_of_a_later_phase() -> None:
    found = model(
        early={"image": "i", "labels": {LABEL: "infrastructure"}, "depends_on": {"late": {}}},
        late={"image": "i", "labels": {LABEL: "business"}},
    )
    assert [(one.service, one.seen) for one in defects(found)] == [
        ("early", "it depends on late, which starts in a later phase")
    ]


@pytest.mark.parametrize(
    ("address", "clashes"),
    [("127.0.0.1", True), ("0.0.0.0", True), ("::", True), ("127.0.0.2", False)],  # noqa: S104
)
def test_a_port_used_twice(address: str, *, clashes: bool) -> None:
    port = {"host_ip": "127.0.0.1", "published": "80", "target": 80}
    found = model(a={"image": "i", "ports": [port]}, b={"image": "i", "ports": [{**port, "host_ip": address}]})
    expected = [Defect("b", "port 80 is also used by a", "a port of its own", 80)] if clashes else []
    assert list(defects(found)) == expected


def test_replicas_with_a_fixed_port() -> None:
    found = model(x={"image": "i", "scale": 2, "ports": [{"published": "80", "target": 80}]})
    assert [one.seen for one in defects(found)] == ["2 replicas publish the same port"]


def test_every_defect_is_told() -> None:
    port = {"published": "80", "target": 80}
    found = model(
        a={"image": "i", "labels": {LABEL: "busines"}},
        b={"image": "i", "ports": [port]},
        c={"image": "i", "scale": 2, "ports": [port]},
    )
    assert {one.service for one in defects(found)} == {"a", "c"}
    assert len(list(defects(found))) == 3
