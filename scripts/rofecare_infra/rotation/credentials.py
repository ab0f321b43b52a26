"""Checks and sets a secret at the servers that accept it: one class a kind of secret.

Every login is one that programs outside the container could make: it uses the container's address on its network, since
PostgreSQL trusts connections from the loopback address.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rofecare_infra import http
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, ServiceFailedError
from rofecare_infra.kafka import Broker, user_of
from rofecare_infra.platform import Service, application_role, application_secret, checks_tokens
from rofecare_infra.process import Reachable, Result, Shell
from rofecare_infra.rotation.kinds import Kind, Secret
from rofecare_infra.secrets import scram_verifier, signed
from rofecare_infra.smoke.inside import ask
from rofecare_infra.smoke.plan import prefixes
from rofecare_infra.smoke.plan import user_of as login_of
from rofecare_infra.state import SYSTEM_CLOCK, Clock

_NOT_READY = 9
_UNAUTHORIZED = 401
_SERVER_ERROR = 500
_HTTP_TIMEOUT = 10.0

_PSQL_LOGIN = """
IFS= read -r PGPASSWORD; export PGPASSWORD
host=$(cat /etc/hostname)
pg_isready -q -h "$host" || exit 9
exec psql -XAtqw -h "$host" -U "$1" -d "$2" -c 'SELECT 1'
"""
# As the administrator over the socket, which trusts it; where its configuration requires a password, the old one is
# sent. The application decides on the settings of its own database, and on what names mean there: hence the options.
_PSQL = """
IFS= read -r PGPASSWORD
if [ "$1" = application ]; then PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE"); fi
PGOPTIONS='-c search_path= -c role=none -c session_preload_libraries= -c default_transaction_read_only=off'
export PGPASSWORD PGOPTIONS
exec psql -Xqw -v ON_ERROR_STOP=1 -U "$2" -d template1
"""
_REDIS = """
IFS= read -r REDISCLI_AUTH; export REDISCLI_AUTH
if command -v redis-cli >/dev/null; then exec redis-cli; else exec valkey-cli; fi
"""


class Credential(Protocol):
    """A secret at one server."""

    @property
    def name(self) -> str:
        """The container of the server."""

    def accepts(self, secret: str) -> bool:
        """Whether the server accepts this secret. Raises ServiceFailedError when it does not answer."""

    def set(self, secret: str, *, known: str) -> None:
        """Make the server accept this secret; `known` is one that it may accept now. Raises CommandError."""


def credentials_of(
    what: Secret, containers: Sequence[Container], others: Sequence[Service], shell: Shell
) -> list[Credential]:
    """The secret at each running container of its owners. `others` are all services of the platform."""
    found: list[Credential] = []
    for owner in what.owners:
        for container in containers:
            if container.service != owner.name or container.status != "running":
                continue
            if what.kind is Kind.DATABASE:
                role = application_role(owner) if application_secret(owner) == what.name else ""
                found.append(Database(container, owner.environment, shell, role))
            elif what.kind is Kind.CACHE:
                found.append(Redis(container, shell))
            elif what.kind is Kind.BROKER:
                found.append(Kafka(container, owner, user_of(owner, what.name), shell))
            elif what.kind is Kind.SERVER:
                found.append(Server(container, owner, shell))
            else:
                found.append(SigningKey(container, owner, _paths(others), shell))
    return found


def ingresses_of(services: Sequence[Service], containers: Sequence[Container], shell: Shell) -> list[SigningKey]:
    """The containers of an ingress that is one of our applications: those that answer HTTP themselves."""
    ingresses = {one.name: one for one in services if checks_tokens(one.labels) and one.checkout is not None}
    paths = _paths(services)
    return [SigningKey(one, ingresses[one.service], paths, shell) for one in containers if one.service in ingresses]


def _paths(services: Sequence[Service]) -> tuple[str, ...]:
    return tuple(path for one in services if one.phase == "business" for path in prefixes(one.name))


@dataclass(frozen=True)
class _Inside:
    """A server that is asked from inside its container."""

    container: Reachable

    @property
    def name(self) -> str:
        """The container."""
        return self.container.name


@dataclass(frozen=True)
class Database(_Inside):
    """A PostgreSQL server, and the role whose password it is: the application's, or (if empty) the administrator."""

    environment: Mapping[str, str]
    shell: Shell
    application: str = ""

    @property
    def _administrator(self) -> str:
        return self.environment.get("POSTGRES_USER") or "postgres"

    @property
    def _role(self) -> str:
        return self.application or self._administrator

    def accepts(self, secret: str) -> bool:
        """Log in from an address other than loopback."""
        database = self.environment.get("POSTGRES_DB") or self._administrator
        result = self.shell(self.container, _PSQL_LOGIN, self._role, database, stdin=f"{secret}\n")
        if result.returncode == _NOT_READY:
            raise _silent(self.name, "PostgreSQL does not accept connections", result)
        return result.ok and result.stdout.strip() == "1"

    def set(self, secret: str, *, known: str) -> None:
        """Set the password of the role as a verifier: neither the network nor a log ever carries the password."""
        role = '"' + self._role.replace('"', '""') + '"'
        quiet = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = panic;"
        statement = f"{quiet}\nALTER ROLE {role} PASSWORD '{scram_verifier(secret)}';\n"
        whose = "application" if self.application else "administrator"
        result = self.shell(self.container, _PSQL, whose, self._administrator, stdin=f"{known}\n{statement}")
        if not result.ok:
            raise _refused(self.name, f"the password of {self._role}", result)


@dataclass(frozen=True)
class Redis(_Inside):
    """A Redis server: its default user may have several passwords at a time, until the server starts again."""

    shell: Shell

    def accepts(self, secret: str) -> bool:
        """Only PONG counts: redis-cli exits with 0 also on NOAUTH."""
        result = self.shell(self.container, _REDIS, stdin=f"{secret}\nPING\n")
        output = f"{result.stdout}\n{result.stderr}"
        if result.stdout.strip() == "PONG" and "AUTH failed" not in output:
            return True
        if "NOAUTH" in output or "WRONGPASS" in output or "AUTH failed" in output:
            return False
        raise _silent(self.name, "Redis does not answer a PING", result)

    def set(self, secret: str, *, known: str) -> None:
        """Add a second password by its hash: MONITOR and the slow log show no password."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        result = self.shell(self.container, _REDIS, stdin=f"{known}\nACL SETUSER default #{digest}\n")
        if result.stdout.strip() != "OK":
            raise _refused(self.name, "a second password", result)


@dataclass(frozen=True)
class Kafka(_Inside):
    """A broker and one of its users. It reads the passwords of its users when it starts: there is nothing to set."""

    service: Service
    user: str
    shell: Shell

    def accepts(self, secret: str) -> bool:
        """Log in as the user."""
        return Broker(self.container, self.service, self.user, secret, self.shell).accepts()

    def set(self, secret: str, *, known: str) -> None:
        """Nothing to do: a restart reads the password."""


@dataclass(frozen=True)
class Server(_Inside):
    """An application that requires a password (HTTP Basic). It reads it when it starts: there is nothing to set."""

    service: Service
    shell: Shell

    def accepts(self, secret: str) -> bool:
        """Send a request with this password."""
        login = http.basic(login_of(self.service), secret)
        return _status(self.container, self.service, "/", self.shell, login) != _UNAUTHORIZED

    def set(self, secret: str, *, known: str) -> None:
        """Nothing to do: a restart reads the password."""


@dataclass(frozen=True)
class SigningKey(_Inside):
    """The key at a server that checks tokens. The server reads it when it starts: there is nothing to set."""

    service: Service
    paths: tuple[str, ...]
    shell: Shell
    clock: Clock = SYSTEM_CLOCK

    def accepts(self, secret: str) -> bool:
        """Whether a path that requires a token accepts one that this key signed."""
        for path in self.paths:
            if self._ask(path, "") == _UNAUTHORIZED:
                token = signed(secret.encode(), subject="rotation", now=self.clock.now())
                return self._ask(path, token) != _UNAUTHORIZED
        raise ServiceFailedError(
            f"{self.service.name} requires no token",
            seen=f"no answer {_UNAUTHORIZED} without a token to {', '.join(self.paths) or 'any path'}",
            expected="a path of a business service that requires a token, so that keys can be verified",
            next_step="inv smoke",
        )

    def set(self, secret: str, *, known: str) -> None:
        """Nothing to do: a restart reads the key."""

    def serves(self) -> bool:
        """Whether every path reaches its service; the health path needs no token."""
        try:
            return all(self._ask(f"{path}/health", "") < _SERVER_ERROR for path in self.paths)
        except ServiceFailedError:
            return False

    def _ask(self, path: str, token: str) -> int:
        port = next((port for port in self.service.ports if port.protocol == "tcp"), None)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if port is not None:
            return _asked(port.url, path, headers)
        return _status(self.container, self.service, path, self.shell, headers)


def _status(container: Reachable, service: Service, path: str, shell: Shell, headers: Mapping[str, str]) -> int:
    status, result = ask(container, service, path, shell, headers)
    if not status:
        raise _silent(container.name, "no answer to an HTTP request", result)
    return status


def _asked(url: str, path: str, headers: Mapping[str, str]) -> int:
    try:
        return http.request("GET", f"{url}{path}", headers=headers, timeout=_HTTP_TIMEOUT).status
    except http.NoResponseError as error:
        raise ServiceFailedError(
            "the gateway does not answer",
            seen=f"{url}: {error}",
            expected="an answer to an HTTP request",
            next_step="inv status",
        ) from error


def _silent(container: str, what: str, result: Result) -> ServiceFailedError:
    return ServiceFailedError(
        f"{container} does not answer",
        seen=f"{what}: {result.last}",
        expected="a server that answers, if only with a refusal",
        next_step="inv status, inv logs",
    )


def _refused(container: str, what: str, result: Result) -> CommandError:
    return CommandError(
        f"{container} did not set {what}",
        seen=result.last,
        expected="a server that executes the statements of its administrator",
        next_step="inv logs",
        details=result.tail(4),
    )
