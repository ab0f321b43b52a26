"""A PostgreSQL server of the platform, accessed inside its container: production publishes no port."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rofecare_infra.backup.superuser import AS_SUPERUSER, RUN, RUN_CHOSEN, RUN_REPORTED, RUN_WATCHED
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, RofecareError, VerificationError
from rofecare_infra.platform import Platform, Service
from rofecare_infra.process import Conversation, Result, inside, run
from rofecare_infra.progress import Event, Output

# Prefixes of the databases that a restore creates; backups do not contain them.
NEW = "rofecare_restore_new_"
OLD = "rofecare_restore_old_"

# Names and values of a database whose encoding is not known are passed on as they are.
_SESSION_SETTINGS = """
SET TimeZone = 'UTC';
SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false)
WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'
"""


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server in a running container."""

    service: str
    container: str
    image: str = ""
    image_id: str = ""
    # How a docker command for its engine begins.
    docker: tuple[str, ...] = ("docker",)

    @property
    def name(self) -> str:
        """The container."""
        return self.container

    def argv(self, database: str, *words: str, watched: bool = False) -> list[str]:
        """The command that runs a program in the container, as the superuser of PostgreSQL, on this database."""
        script = AS_SUPERUSER + (RUN_WATCHED if watched else RUN)
        return self._exec(script, database, *words)

    def argv_of_all(self, database: str, *words: str) -> list[str]:
        """The command that runs pg_restore; it prints its messages to standard output."""
        return self._exec(AS_SUPERUSER + RUN_REPORTED, database, *words)

    def argv_of_choice(self, database: str, entries: str, *words: str) -> list[str]:
        """The command that runs pg_restore for these entries only; it prints its messages to standard output."""
        return self._exec(AS_SUPERUSER + RUN_CHOSEN, database, entries, *words)

    def _exec(self, script: str, database: str, *words: str) -> list[str]:
        return inside(self, "sh", "-c", script, "sh", database, *words, interactive=True)

    def session(self, database: str) -> Session:
        """A session on a database."""
        return Session(self, database)

    def execute(self, database: str, statements: Iterable[str]) -> None:
        """Run statements one by one. Raises CommandError for the first that fails."""
        with self.session(database) as session:
            for statement in statements:
                session.execute(statement)

    def answers(self) -> bool:
        """Whether it accepts connections over TCP; while a new server is initialized, only the socket accepts them."""
        try:
            argv = self.argv("template1", "pg_isready", "--quiet", "--host=127.0.0.1")
            return run(argv, check=False, timeout=20).ok
        except RofecareError:
            return False


class Session:
    """A running `psql`: transactions last until they are ended, or the session is."""

    def __init__(self, server: Server, database: str) -> None:
        self.server = server
        self.database = database
        words = ("psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1")
        self._psql = Conversation(server.argv(database, *words))

    def __enter__(self) -> Self:
        self._psql.__enter__()
        try:
            self.execute(_SESSION_SETTINGS)
        except BaseException:
            self._psql.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._psql.__exit__(kind, error, trace)

    def connect(self, database: str) -> None:
        """Connect to another database, one with a plain name."""
        self._psql.ask(f"\\connect {database}", lambda word: f"\\echo {word}")
        self.database = database
        self.execute(_SESSION_SETTINGS)

    def execute(self, statement: str) -> list[str]:
        """Run a statement; return the lines of its result."""
        try:
            return self._psql.ask(f"{statement.rstrip().rstrip(';')};", lambda word: f"\\echo {word}")
        except CommandError as error:
            raise CommandError(
                f"{self.server.service}: a statement failed",
                seen=next((line for line in error.details if "ERROR" in line or "FATAL" in line), error.seen),
                expected=f"a result from the database {self.database}",
                next_step=f"{shlex.join(inside(self.server, 'pg_isready'))}; then the same command again",
                details=error.details,
            ) from error

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query as JSON objects."""
        found = self.execute(f"SELECT row_to_json(answer)::text FROM ({query.rstrip().rstrip(';')}) AS answer")
        return [json.loads(line) for line in found]


def database_services(platform: Platform) -> tuple[Service, ...]:
    """The services that are PostgreSQL servers: their environment names a database to create, and no host."""
    return tuple(
        service
        for service in platform.services
        if service.replicas
        and {"POSTGRES_DB", "POSTGRES_DB_FILE"} & set(service.environment)
        and not {"POSTGRES_HOST", "PGHOST", "DB_HOST"} & set(service.environment)
    )


def server_of(service: Service, containers: Iterable[Container]) -> Server:
    """The server of a service. Raises VerificationError if it is not running."""
    mine = [one for one in containers if one.service == service.name]
    running = [one for one in mine if one.status == "running"]
    if not running:
        raise VerificationError(
            f"{service.name} cannot be read",
            seen=f"its container is {mine[0].status}" if mine else "it has no container",
            expected="every database running",
            next_step="inv start-infra  (or inv start-all; on a stack inv deploy), then the same command again",
        )
    one = running[0]
    return Server(service.name, one.name, one.image, one.image_id, one.docker)


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL."""
    mark = " E" if "\\" in text else ""
    return mark + "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def require_success(result: Result, program: str, what: str) -> None:
    """Raise CommandError with the sentence `what` unless the program succeeded."""
    if not result.ok:
        raise CommandError(
            what,
            seen=f"{program} ended with {result.returncode}",
            expected="exit code 0",
            next_step="fix the cause below, then the same command again",
            details=result.tail(8),
        )


def progress(
    counts: Generator[int, None, Result], every: int, text: Callable[[int], str]
) -> Generator[Event, None, Result]:
    """Report the number of bytes about every `every` bytes; return the result of the command."""
    shown = 0
    while True:
        try:
            count = next(counts)
        except StopIteration as end:
            result: Result = end.value
            return result
        if count - shown > every:
            shown = count
            yield Output(text(count))
