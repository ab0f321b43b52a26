"""One PostgreSQL server of the platform, spoken to inside its container: production publishes no port."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, RofecareError, VerificationError
from rofecare_infra.platform import Platform, Service
from rofecare_infra.process import Conversation, run

# Databases that a restore makes beside the others have these names, and are in no backup.
NEW = "rofecare_restore_new_"
OLD = "rofecare_restore_old_"

# The superuser and its password as the image was told them; the password goes from file to environment, in there.
_AS_SUPERUSER = """
unset PGHOST PGPORT PGSERVICE PGDATABASE PGOPTIONS
PGUSER=${POSTGRES_USER:-}
if [ -z "$PGUSER" ] && [ -r "${POSTGRES_USER_FILE:-}" ]; then PGUSER=$(cat "$POSTGRES_USER_FILE"); fi
PGUSER=${PGUSER:-postgres}
if [ -r "${POSTGRES_PASSWORD_FILE:-}" ]; then PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
else PGPASSWORD=${POSTGRES_PASSWORD:-}; fi
PGCLIENTENCODING=UTF8
export PGUSER PGPASSWORD PGCLIENTENCODING
if [ -n "$1" ]; then PGDATABASE=$1; export PGDATABASE; fi
shift
"""
_RUN = 'exec "$@"'
# For programs that read no input: they end when their input closes, which happens when the client is gone.
# The watcher holds neither stdout nor stderr: the engine waits two seconds for whatever keeps them open after the
# program has ended. The watcher exits with 0: a PostgreSQL that is process 1 takes any other exit for a crash.
_RUN_WATCHED = """
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3; kill "$child"; exit 0; } >/dev/null 2>&1 &
wait "$child"
"""

# The same text for the same content, on whatever server and for whatever user.
_SETTLED = """
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 3;
SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET lc_monetary = 'C'; SET search_path = '';
SET row_security = off; SET statement_timeout = 0; SET lock_timeout = '60s';
SET idle_in_transaction_session_timeout = 0;
"""


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server in a running container."""

    service: str
    container: str
    image: str = ""
    image_id: str = ""

    def argv(self, database: str, *words: str, watched: bool = False) -> list[str]:
        """The command line that runs a PostgreSQL program in there, as the superuser, on this database."""
        script = _AS_SUPERUSER + (_RUN_WATCHED if watched else _RUN)
        return ["docker", "exec", "--interactive", self.container, "sh", "-c", script, "sh", database, *words]

    def session(self, database: str) -> Session:
        """A conversation with one database."""
        return Session(self, database)

    def execute(self, database: str, statements: Iterable[str]) -> None:
        """Run statements one by one; the first that fails is raised as CommandError."""
        with self.session(database) as session:
            for statement in statements:
                session.execute(statement)

    def answers(self) -> bool:
        """Whether it takes connections; over TCP, since a first start has a server of its own on the socket."""
        try:
            argv = self.argv("template1", "pg_isready", "--quiet", "--host=127.0.0.1")
            return run(argv, check=False, timeout=20).ok
        except RofecareError:
            return False


class Session:
    """One `psql` that stays: what it begins, such as a transaction, lasts until it ends."""

    def __init__(self, server: Server, database: str) -> None:
        self.server = server
        self.database = database
        words = ("psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1")
        self._talk = Conversation(server.argv(database, *words))

    def __enter__(self) -> Self:
        self._talk.__enter__()
        try:
            self.execute(_SETTLED)
        except BaseException:
            self._talk.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._talk.__exit__(kind, error, trace)

    def execute(self, statement: str) -> list[str]:
        """Run a statement; the lines of its result."""
        try:
            return self._talk.ask(f"{statement.rstrip().rstrip(';')};", lambda word: f"\\echo {word}")
        except CommandError as error:
            raise CommandError(
                f"{self.server.service} did not do what it was asked",
                seen=next((line for line in error.details if "ERROR" in line or "FATAL" in line), error.seen),
                expected=f"an answer of the database {self.database}",
                next_step=f"docker exec {self.server.container} pg_isready; then the same command again",
                details=error.details,
            ) from error

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query as JSON objects."""
        found = self.execute(f"SELECT row_to_json(answer)::text FROM ({query.rstrip().rstrip(';')}) AS answer")
        return [json.loads(line) for line in found]


def database_services(platform: Platform) -> tuple[Service, ...]:
    """The services that are PostgreSQL servers: they are told which database to make, and no host to find it on."""
    return tuple(
        service
        for service in platform.services
        if service.replicas
        and {"POSTGRES_DB", "POSTGRES_DB_FILE"} & set(service.environment)
        and not {"POSTGRES_HOST", "PGHOST", "DB_HOST"} & set(service.environment)
    )


def server_of(service: Service, containers: Iterable[Container]) -> Server:
    """The running server of a service. Raises VerificationError when it does not run."""
    mine = [one for one in containers if one.service == service.name]
    running = [one for one in mine if one.status == "running"]
    if not running:
        raise VerificationError(
            f"{service.name} cannot be read",
            seen=f"its container is {mine[0].status}" if mine else "it has no container",
            expected="every database running",
            next_step="inv start-infra  (or inv start-all), then the same command again",
        )
    return Server(service.name, running[0].name, running[0].image, running[0].image_id)


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL takes it."""
    mark = " E" if "\\" in text else ""
    return mark + "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
