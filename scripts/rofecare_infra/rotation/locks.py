"""What a secret opens: whether one does, and how another is admitted. One class a kind of secret.

Every login is one that programs outside the container could make: the address is the container's own on its network,
since a database trusts whoever comes by the loopback address.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rofecare_infra import http
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, ServiceFailedError
from rofecare_infra.platform import Service, lets_in
from rofecare_infra.process import Result
from rofecare_infra.rotation.kinds import Kind, Secret
from rofecare_infra.rotation.shell import Shell
from rofecare_infra.secrets import scram_verifier, signed
from rofecare_infra.smoke.plan import prefixes

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
# By the socket, which asks the administrator for nothing; where one made it ask, the old password answers.
_PSQL = 'IFS= read -r PGPASSWORD; export PGPASSWORD; exec psql -Xqw -v ON_ERROR_STOP=1 -U "$1" -d "$2"'
_REDIS = """
IFS= read -r REDISCLI_AUTH; export REDISCLI_AUTH
if command -v redis-cli >/dev/null; then exec redis-cli; else exec valkey-cli; fi
"""
_HTTP = """
exec timeout 10 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$1" && cat >&3 && head -n 1 <&3' bash "$1"
"""


class Lock(Protocol):
    """One server that a secret opens."""

    @property
    def name(self) -> str:
        """Its container."""

    def opens(self, secret: str) -> bool:
        """Whether the server takes this secret. Raises ServiceFailedError when it answers nobody."""

    def admit(self, secret: str, *, known: str) -> None:
        """Let this secret in from now on; `known` is one that may be in force. Raises CommandError."""


def locks_of(what: Secret, containers: Sequence[Container], others: Sequence[Service], shell: Shell) -> list[Lock]:
    """The locks of a secret: the running containers of its owners. `others` are all services of the platform."""
    found: list[Lock] = []
    for owner in what.owners:
        for container in containers:
            if container.service != owner.name or container.status != "running":
                continue
            if what.kind is Kind.DATABASE:
                found.append(Database(container.name, owner.environment, shell))
            elif what.kind is Kind.CACHE:
                found.append(Redis(container.name, shell))
            else:
                found.append(Door(container.name, owner, _paths(others), shell))
    return found


def doors_of(services: Sequence[Service], containers: Sequence[Container], shell: Shell) -> list[Door]:
    """Those of the containers that let requests in and speak HTTP themselves."""
    doors = {one.name: one for one in services if lets_in(one.labels) and one.checkout is not None}
    paths = _paths(services)
    return [Door(one.name, doors[one.service], paths, shell) for one in containers if one.service in doors]


def _paths(services: Sequence[Service]) -> tuple[str, ...]:
    return tuple(path for one in services if one.phase == "business" for path in prefixes(one.name))


@dataclass(frozen=True)
class Database:
    """A PostgreSQL server and the role that its environment names."""

    name: str
    environment: Mapping[str, str]
    shell: Shell

    @property
    def _who(self) -> tuple[str, str]:
        user = self.environment.get("POSTGRES_USER") or "postgres"
        return user, self.environment.get("POSTGRES_DB") or user

    def opens(self, secret: str) -> bool:
        """Log in from outside the loopback address."""
        result = self.shell(self.name, _PSQL_LOGIN, *self._who, stdin=f"{secret}\n")
        if result.returncode == _NOT_READY:
            raise _silent(self.name, "PostgreSQL takes no connections", result)
        return result.ok and result.stdout.strip() == "1"

    def admit(self, secret: str, *, known: str) -> None:
        """Give the role this password: as a verifier, so that neither the wire nor a log ever has the password."""
        user, _ = self._who
        role = '"' + user.replace('"', '""') + '"'
        quiet = "SET log_statement = 'none'; SET log_min_duration_statement = -1; SET log_min_error_statement = panic;"
        statement = f"{quiet}\nALTER ROLE {role} PASSWORD '{scram_verifier(secret)}';\n"
        result = self.shell(self.name, _PSQL, *self._who, stdin=f"{known}\n{statement}")
        if not result.ok:
            raise _refused(self.name, f"the password of {user}", result)


@dataclass(frozen=True)
class Redis:
    """A Redis server: its default user may have several passwords at a time, until the server starts again."""

    name: str
    shell: Shell

    def opens(self, secret: str) -> bool:
        """Only PONG counts: redis-cli ends with 0 on NOAUTH, too."""
        result = self.shell(self.name, _REDIS, stdin=f"{secret}\nPING\n")
        said = f"{result.stdout}\n{result.stderr}"
        if result.stdout.strip() == "PONG" and "AUTH failed" not in said:
            return True
        if "NOAUTH" in said or "WRONGPASS" in said or "AUTH failed" in said:
            return False
        raise _silent(self.name, "Redis does not answer a PING", result)

    def admit(self, secret: str, *, known: str) -> None:
        """Beside the one in force, by its hash: MONITOR and the slow log show no password."""
        digest = hashlib.sha256(secret.encode()).hexdigest()
        result = self.shell(self.name, _REDIS, stdin=f"{known}\nACL SETUSER default #{digest}\n")
        if result.stdout.strip() != "OK":
            raise _refused(self.name, "a second password", result)


@dataclass(frozen=True)
class Door:
    """What lets requests in by their tokens. It reads its key when it starts: there is nothing to admit."""

    name: str
    service: Service
    paths: tuple[str, ...]
    shell: Shell
    now: Callable[[], float] = time.time

    def opens(self, secret: str) -> bool:
        """Whether a token that this key signed passes where one is asked for."""
        for path in self.paths:
            if self._ask(path, "") == _UNAUTHORIZED:
                token = signed(secret.encode(), subject="rotation", now=self.now())
                return self._ask(path, token) != _UNAUTHORIZED
        raise ServiceFailedError(
            f"{self.service.name} refuses nobody",
            seen=f"no answer {_UNAUTHORIZED} without a token to {', '.join(self.paths) or 'any path'}",
            expected="a path of a business service that asks for a token, so that keys can be tried",
            next_step="inv smoke",
        )

    def admit(self, secret: str, *, known: str) -> None:
        """Nothing to do."""

    def serves(self) -> bool:
        """Whether no path ends here for want of a service behind it; health is what may be asked without a token."""
        try:
            return all(self._ask(f"{path}/health", "") < _SERVER_ERROR for path in self.paths)
        except ServiceFailedError:
            return False

    def _ask(self, path: str, token: str) -> int:
        lines = [f"GET {path} HTTP/1.0", "Host: localhost", *([f"Authorization: Bearer {token}"] if token else ())]
        port = next((port for port in self.service.ports if port.protocol == "tcp"), None)
        if port is not None:
            return _asked(port.address, port.published, path, token)
        inside = self.service.environment.get("SERVER_PORT", "8080")
        result = self.shell(self.name, _HTTP, inside, stdin="\r\n".join([*lines, "", ""]))
        words = result.stdout.split()
        if not words[1:] or not words[1].isdigit():
            raise _silent(self.name, "no answer to an HTTP request", result)
        return int(words[1])


def _asked(address: str, port: int, path: str, token: str) -> int:
    host = "127.0.0.1" if address in {"", "0.0.0.0", "::"} else address  # noqa: S104 - what compose says
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return http.request("GET", f"http://{host}:{port}{path}", headers=headers, timeout=_HTTP_TIMEOUT).status
    except http.NoResponseError as error:
        raise ServiceFailedError(
            "the gateway does not answer",
            seen=f"{host}:{port}: {error}",
            expected="an answer to an HTTP request",
            next_step="inv status",
        ) from error


def _silent(container: str, what: str, result: Result) -> ServiceFailedError:
    return ServiceFailedError(
        f"{container} cannot be asked",
        seen=f"{what}: {(result.tail(1) or ('no word why',))[0]}",
        expected="a server that answers, also with a refusal",
        next_step="inv status, inv logs",
    )


def _refused(container: str, what: str, result: Result) -> CommandError:
    return CommandError(
        f"{container} did not take {what}",
        seen=(result.tail(1) or ("no word why",))[0],
        expected="a server that does as its administrator says",
        next_step="inv logs",
        details=result.tail(4),
    )
