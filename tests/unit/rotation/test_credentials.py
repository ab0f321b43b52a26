"""The password of an application's role is set by the administrator, and checked by a login of the role."""

from __future__ import annotations

from rofecare_infra.process import Reachable, Result
from rofecare_infra.rotation.credentials import Database
from tests.support.fakes import container

ENVIRONMENT = {"POSTGRES_USER": "boss", "POSTGRES_DB": "shop"}


class Shell:
    """Records the arguments and the input of each script."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[str, ...], str]] = []

    def __call__(self, container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
        assert (container.name, bool(script)) == ("db-1", True)
        self.calls.append((arguments, stdin))
        return Result((), 0, "1\n", "")


def test_the_password_of_an_application() -> None:
    shell = Shell()
    credential = Database(container("db", name="db-1"), ENVIRONMENT, shell, "shop-keeper")
    credential.set("new", known="old")
    assert credential.accepts("new")
    (who, statement), (login, password) = shell.calls
    assert who == ("application", "boss")
    assert 'ALTER ROLE "shop-keeper" PASSWORD \'SCRAM-SHA-256$' in statement
    assert "new" not in statement
    assert (login, password) == (("shop-keeper", "shop"), "new\n")


def test_the_password_of_an_administrator() -> None:
    shell = Shell()
    credential = Database(container("db", name="db-1"), ENVIRONMENT, shell)
    credential.set("new", known="old")
    assert credential.accepts("new")
    (who, statement), (login, _) = shell.calls
    assert (who, login) == (("administrator", "boss"), ("boss", "shop"))
    assert statement.startswith("old\n")
    assert 'ALTER ROLE "boss" PASSWORD' in statement
