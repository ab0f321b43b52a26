"""The kind of a secret follows from the compose model alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.errors import UsageError
from rofecare_infra.platform import Platform, Service
from rofecare_infra.rotation.kinds import Kind, resolve, secret_of
from tests.support.fakes import service

FILES = {name: Path("/s", name) for name in ("identity_db_password", "redis_password", "jwt_secret", "licence_key")}


def mounting(name: str, phase: str, /, *secrets: str, **more: object) -> Service:
    targets = {secret: f"/run/secrets/{secret}" for secret in secrets}
    return service(name, phase, secrets=secrets, secret_files=targets, **more)


ENTRY = {"com.rofecare.entry": "true"}
TOKENS = {"com.rofecare.tokens": "true"}
DATABASE = mounting(
    "db",
    "infrastructure",
    "identity_db_password",
    environment={"POSTGRES_PASSWORD_FILE": "/run/secrets/identity_db_password"},
)
REDIS = mounting("store", "infrastructure", "redis_password", command=("sh", "-c", "exec redis-server /tmp/x.conf"))
EXPORTER = mounting("watch", "monitoring", "redis_password", "identity_db_password", image="oliver006/redis_exporter:1")
GATEWAY = mounting("edge", "spring-cloud", "jwt_secret", "redis_password", labels=ENTRY)
IDENTITY = mounting("who", "business", "jwt_secret", "redis_password", "identity_db_password", labels=TOKENS)
OTHER = mounting("shop", "business", "jwt_secret", "redis_password", "licence_key")
ALL = Platform("p", (DATABASE, REDIS, GATEWAY, IDENTITY, OTHER, EXPORTER), FILES)


def test_a_database_is_known_by_the_file_that_it_reads() -> None:
    found = secret_of(ALL, "identity_db_password")
    assert (found.kind, found.owners) == (Kind.DATABASE, (DATABASE,))
    assert found.users == (IDENTITY, EXPORTER)
    assert found.together == ()


def test_the_password_of_an_application_is_that_of_a_database() -> None:
    name = "identity_db_application_password"
    own = {"POSTGRES_APPLICATION_USER": "who", "POSTGRES_APPLICATION_PASSWORD_FILE": f"/run/secrets/{name}"}
    database = mounting(
        "db", "infrastructure", "identity_db_password", name, environment={**DATABASE.environment, **own}
    )
    application = mounting("who", "business", name)
    platform = Platform("p", (database, application), {one: Path("/s", one) for one in (name, "identity_db_password")})
    for secret, users in ((name, (application,)), ("identity_db_password", ())):
        found = secret_of(platform, secret)
        assert (found.kind, found.owners, found.users) == (Kind.DATABASE, (database,), users)
    assert resolve("identity-db-application", platform.secrets) == name


def test_redis_is_known_by_what_it_runs_and_an_exporter_is_none() -> None:
    found = secret_of(ALL, "redis_password")
    assert (found.kind, found.owners) == (Kind.CACHE, (REDIS,))
    assert found.users == (GATEWAY, IDENTITY, OTHER, EXPORTER)


@pytest.mark.parametrize("image", ["redis:8", "valkey/valkey:8@sha256:1", "mirror:5000/library/redis", "redis"])
def test_redis_is_known_by_its_image(image: str) -> None:
    store = mounting("store", "infrastructure", "redis_password", image=image)
    assert secret_of(Platform("p", (store,), FILES), "redis_password").kind is Kind.CACHE


@pytest.mark.parametrize("user", ["kafka", "shop"])
def test_a_password_of_kafka_is_read_by_the_broker_and_its_user_at_once(user: str) -> None:
    login = {"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INTERNAL:SASL_PLAINTEXT"}
    mount = {"licence_key": f"/run/secrets/kafka-users/{user}"}
    broker = service("bus", secrets=("licence_key",), secret_files=mount, environment=login)
    users = () if user == "kafka" else (OTHER,)
    found = secret_of(Platform("p", (broker, *users), FILES), "licence_key")
    assert (found.kind, found.owners) == (Kind.BROKER, (broker,))
    assert found.users == found.together == (broker, *users)


def test_a_signing_key_is_read_by_who_signs_and_who_checks_at_once() -> None:
    found = secret_of(ALL, "jwt_secret")
    assert (found.kind, found.owners) == (Kind.SIGNING_KEY, (GATEWAY,))
    assert found.users == (GATEWAY, IDENTITY, OTHER)
    assert found.together == (GATEWAY, IDENTITY)


def test_behind_a_front_the_gateway_checks_tokens_without_being_the_ingress() -> None:
    behind = mounting("edge", "spring-cloud", "jwt_secret", labels={"com.rofecare.tokens": "checked"})
    found = secret_of(Platform("p", (behind, IDENTITY, OTHER), FILES), "jwt_secret")
    assert (found.owners, found.together) == ((behind,), (behind, IDENTITY))


def test_where_nobody_is_said_to_sign_anybody_may() -> None:
    platform = Platform("p", (GATEWAY, OTHER), FILES)
    assert secret_of(platform, "jwt_secret").together == (GATEWAY, OTHER)


def test_the_password_that_an_application_requires_is_known_by_the_property_and_read_by_all_at_once() -> None:
    sent = {"registry_password": "/run/secrets/own.name"}
    asked = {"registry_password": "/run/secrets/spring.security.user.password"}
    registry = service("registry", "spring-cloud", secrets=("registry_password",), secret_files=asked)
    client = service("shop", "business", secrets=("registry_password",), secret_files=sent)
    found = secret_of(
        Platform("p", (registry, client), {"registry_password": Path("/s/registry")}), "registry_password"
    )
    assert (found.kind, found.owners) == (Kind.SERVER, (registry,))
    assert found.users == found.together == (registry, client)


@pytest.mark.parametrize(
    ("platform", "name", "seen"),
    [
        (ALL, "licence_key", "mounted by shop (as /run/secrets/licence_key)"),
        (Platform("p", (OTHER,), FILES), "jwt_secret", "mounted by shop"),
        (Platform("p", (), FILES), "jwt_secret", "no service mounts it"),
    ],
)
def test_what_nobody_can_tell_is_refused(platform: Platform, name: str, seen: str) -> None:
    with pytest.raises(UsageError) as refusal:
        secret_of(platform, name)
    assert seen in refusal.value.seen


def test_names() -> None:
    assert resolve("identity-db", FILES) == "identity_db_password"
    assert resolve("redis", FILES) == "redis_password"
    assert resolve("jwt_secret", FILES) == "jwt_secret"
    with pytest.raises(UsageError) as refusal:
        resolve("identity", FILES)
    assert "identity-db" in refusal.value.expected
