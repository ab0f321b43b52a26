"""The application's role of a database follows from the environment of its service."""

from __future__ import annotations

import pytest

from rofecare_infra.platform import Service, application_role, application_secret, application_secrets
from tests.support.fakes import service

ROLE = {"POSTGRES_APPLICATION_USER": "shop", "POSTGRES_APPLICATION_PASSWORD_FILE": "/run/secrets/own"}
FILES = {"db_password": "/run/secrets/postgres_password", "db_application_password": "/run/secrets/own"}


def database(environment: dict[str, str]) -> Service:
    return service("db", secrets=tuple(FILES), secret_files=FILES, environment=environment)


def test_a_role_and_its_secret() -> None:
    assert application_role(database(ROLE)) == "shop"
    assert application_secret(database(ROLE)) == "db_application_password"
    assert application_secrets([database(ROLE), service("app")]) == {"db_application_password"}


@pytest.mark.parametrize("missing", ROLE)
def test_without_one_of_the_variables_there_is_no_secret(missing: str) -> None:
    one = database({name: value for name, value in ROLE.items() if name != missing})
    assert application_secret(one) == ""
    assert application_secrets([one]) == frozenset()


def test_a_file_that_is_no_secret() -> None:
    assert application_secret(database({**ROLE, "POSTGRES_APPLICATION_PASSWORD_FILE": "/elsewhere"})) == ""
