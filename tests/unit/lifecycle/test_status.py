"""One row a container, and whether it is all that should run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.compose import PACKAGES
from rofecare_infra.images import Sources
from rofecare_infra.lifecycle import Connection, as_started, connections, left_running, status
from rofecare_infra.platform import Platform
from rofecare_infra.project import Project
from tests.support.fakes import FakeCompose, FakeEngine, container, port, service, settings

PLATFORM = Platform(
    "rofecare",
    (service("app", "business", ports=(port(8081),)), service("db"), service("once", one_shot=True)),
)


def test_in_start_order_with_what_is_not_started() -> None:
    rows = status(PLATFORM, FakeEngine([container("app", started_at="2026-01-01T00:00:00Z", restarts=1)]))
    assert [(row.phase, row.service, row.state, row.ready) for row in rows] == [
        ("infrastructure", "db", "absent", False),
        ("infrastructure", "once", "absent", False),
        ("business", "app", "running", True),
    ]
    app = rows[-1]
    assert (app.started_at, app.restarts, app.ports, app.memory_bytes) == ("2026-01-01T00:00:00Z", 1, (8081,), 2**20)
    assert rows[0].reason == "not started"


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"health": "unhealthy", "probe": "HTTP/1.1 503"}, "unhealthy: HTTP/1.1 503"),
        ({"status": "exited", "exit_code": 3, "health": None}, "exited with code 3"),
        ({"status": "paused"}, "paused: it does not answer"),
        ({"health": None}, "no health check: its readiness cannot be determined"),
    ],
)
def test_why_one_is_not_ready(state: dict[str, object], reason: str) -> None:
    rows = status(Platform("rofecare", (service("db"),)), FakeEngine([container("db", **state)]))
    assert [(row.ready, row.reason) for row in rows] == [(False, reason)]


def test_a_container_that_restarted_long_ago_is_ready() -> None:
    rows = status(Platform("rofecare", (service("db"),)), FakeEngine([container("db", restarts=9)]))
    assert [(row.ready, row.restarts) for row in rows] == [(True, 9)]


def test_a_one_shot_that_is_done_is_ready() -> None:
    done = container("once", status="exited", exit_code=0, health=None)
    rows = status(Platform("rofecare", (service("once", one_shot=True),)), FakeEngine([done]))
    assert [(row.ready, row.started_at, row.memory_bytes) for row in rows] == [(True, "", None)]


def test_what_no_file_describes_is_not_hidden() -> None:
    rows = status(Platform("rofecare", ()), FakeEngine([container("stray")]))
    assert [(row.service, row.phase, row.ready, row.reason) for row in rows] == [
        ("stray", "not in the files", False, "not in the compose files")
    ]


MONITORING = (service("prometheus", "monitoring"), service("grafana", "monitoring"))
ABOVE = Platform("rofecare", tuple(replace(one, image=f"upstream/{one.name}") for one in MONITORING))
OURS = Platform("rofecare", (replace(MONITORING[0], image="rofecare/prometheus:1"),))


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ({"prometheus": "rofecare/prometheus:1"}, ["prometheus"]),
        # What was left out is not missed; what comes from the registry like the rest is.
        ({"prometheus": "upstream/prometheus"}, ["prometheus", "grafana"]),
        ({"grafana": "upstream/grafana"}, ["prometheus", "grafana"]),
        ({"prometheus": "rofecare/prometheus:1", "grafana": "upstream/grafana"}, ["prometheus", "grafana"]),
        ({}, ["prometheus", "grafana"]),
    ],
)
def test_what_has_an_upstream_image_alone_is_not_missed_on_others(
    tmp_path: Path, running: dict[str, str], expected: list[str]
) -> None:
    (tmp_path / PACKAGES).touch()
    compose = FakeCompose(tmp_path, upstream=ABOVE, packaged=OURS)
    engine = FakeEngine([container(name, image=image) for name, image in running.items()])
    found = as_started(Project(settings(tmp_path), Sources(compose, ABOVE), lambda: engine))
    assert [one.name for one in found.services] == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), "0 containers are left running"),
        (("a", "b", "c"), "3 containers are left running (a, b, ...)"),
    ],
)
def test_what_is_left_running(names: tuple[str, ...], expected: str) -> None:
    engine = FakeEngine([*(container(name) for name in names), container("down", status="exited")])
    assert left_running(engine, "rofecare") == expected


def test_where_to_connect(tmp_path: object) -> None:
    assert tmp_path
    database = service(
        "identity-db",
        ports=(port(5500),),
        environment={"POSTGRES_DB": "rofecare_identity", "POSTGRES_USER": "rofecare"},
        secrets=("identity_db_password",),
    )
    kafka = service("kafka", ports=(port(9092, 9092),), environment={"KAFKA_ADVERTISED_LISTENERS": "x"})
    others = (service("redis", ports=(port(6379, 6379),)), service("zookeeper", ports=(port(2181, 2181),)))
    later = service("app", "business", ports=(port(8081),))
    assert [
        (one.service, one.address, one.user)
        for one in connections(Platform("rofecare", (database, kafka, *others, later)))
    ] == [
        ("identity-db", "jdbc:postgresql://localhost:5500/rofecare_identity", "rofecare"),
        ("kafka", "bootstrap.servers=localhost:9092", ""),
        ("redis", "redis://localhost:6379", ""),
        ("zookeeper", "localhost:2181", ""),
    ]


def test_a_connection_to_a_database_is_that_of_its_application() -> None:
    from pathlib import Path

    own = {"POSTGRES_APPLICATION_USER": "shop", "POSTGRES_APPLICATION_PASSWORD_FILE": "/run/secrets/own"}
    database = service(
        "db",
        ports=(port(5500),),
        environment={"POSTGRES_DB": "shop", "POSTGRES_USER": "rofecare", **own},
        secrets=("db_password", "db_application_password"),
        secret_files={"db_password": "/run/secrets/postgres", "db_application_password": "/run/secrets/own"},
    )
    platform = Platform("rofecare", (database,), {name: Path("/s", name) for name in database.secrets})
    (found,) = connections(platform)
    assert (found.user, found.password_file) == ("shop", "/s/db_application_password")


def test_a_connection_names_the_file_of_its_password() -> None:
    from pathlib import Path

    redis = service("redis", ports=(port(6379, 6379),), secrets=("redis_password",))
    platform = Platform("rofecare", (redis,), secrets={"redis_password": Path("/srv/secrets/redis_password")})
    assert connections(platform) == (Connection("redis", "redis://localhost:6379", "", "/srv/secrets/redis_password"),)
