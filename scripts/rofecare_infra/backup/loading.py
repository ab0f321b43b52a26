"""Restores a dump into a new database.

A restore has an empty search path, and restores tables in the order of their names. Content can depend on more: a
function in a generated column or a CHECK constraint may use names that are not qualified, or read other tables. If
the restore fails, it is repeated in three steps (definitions, content, indexes and constraints). In each step the
entries that failed are repeated with the usual search path of the database, as long as fewer of them fail each time.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO

from rofecare_infra.backup import definition
from rofecare_infra.backup.encryption import decrypted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import DatabaseRecord
from rofecare_infra.backup.server import Server, Session, literal, quoted, require_success
from rofecare_infra.errors import CommandError
from rofecare_infra.process import to_end, transfer
from rofecare_infra.progress import Event, Note, Working

_RESTORE = ("pg_restore", "--no-password")
_STEPS = ("pre-data", "data", "post-data")
# pg_restore names the entry that it works on when it reports an error, in lines that only --verbose shows.
_FAILED = re.compile(rb"^pg_restore: from TOC entry (\d+);", re.MULTILINE)
# The numbers of entries are one word of a command, which may have 128 KiB.
_LONGEST = 100_000

# The entry of an archive with which pg_restore sets the search path. It is one of the first.
_EMPTY_PATH = b"SELECT pg_catalog.set_config('search_path', '', false);\n"
_HEAD = 1 << 20

# Of a database that an interrupted DROP DATABASE left, nothing can be changed any more.
_VALID = "SELECT 1 AS one FROM pg_catalog.pg_database WHERE datname = {name} AND datconnlimit <> -2"
_SUBSCRIPTIONS = """
SELECT s.subname AS name FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
WHERE d.datname = {name}
"""

Open = Callable[[], AbstractContextManager[IO[bytes]]]


def load(server: Server, record: DatabaseRecord, folder: Path, key: Key, name: str) -> Generator[Event, None, None]:
    """Create the database `name` and restore the dump into it. Raises CommandError if that fails."""
    yield Working(f"{record.service}: restoring {record.name}")
    yield from load_from(server, record, lambda: decrypted(folder / record.file, key), name)


def load_from(server: Server, record: DatabaseRecord, source: Open, name: str) -> Generator[Event, None, None]:
    """The same, from a dump that can be opened several times."""
    kept = _has_tablespaces(server, record)
    if not kept:
        yield Note(
            f"{record.service}: {record.name} is restored into the default tablespace: "
            f"the server does not have {', '.join(record.tablespaces)}"
        )
    words = (*_RESTORE, *(() if kept else ("--no-tablespaces",)), f"--dbname={name}")
    _create(server, record, name, tablespaces=kept)
    with source() as dump:
        result = to_end(transfer(server.argv(name, *words, "--exit-on-error"), source=dump))
    try:
        require_success(result, "pg_restore", f"{record.service}: {record.file} cannot be restored")
    except CommandError as error:
        yield Working(f"{record.service}: restoring {record.name} in steps")
        with server.session("template1") as session:
            remove(session, name)
        _create(server, record, name, tablespaces=kept)
        repeated = [_step(server, record, source, (*words, f"--section={step}"), name, error) for step in _STEPS]
        yield Note(
            f"{record.service}: {record.name} is restored in steps, {sum(repeated)} entries with its own search path"
            " and after the others: its functions use names without a schema, or read other tables"
        )
    if record.finish:
        server.execute(name, [_for(statement, name) for statement in record.finish])


def remove(session: Session, name: str) -> None:
    """Drop a database, also a template, and one with subscriptions; their slots on the other server stay."""
    if not session.rows(_VALID.format(name=literal(name))):
        session.execute(f"DROP DATABASE {quoted(name)}")
        return
    session.execute(f"ALTER DATABASE {quoted(name)} IS_TEMPLATE false")
    subscriptions = [row["name"] for row in session.rows(_SUBSCRIPTIONS.format(name=literal(name)))]
    if subscriptions:
        session.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true")
        with session.server.session(name) as inside:
            for one in map(quoted, subscriptions):
                inside.execute(f"ALTER SUBSCRIPTION {one} DISABLE")
                inside.execute(f"ALTER SUBSCRIPTION {one} SET (slot_name = NONE)")
                inside.execute(f"DROP SUBSCRIPTION {one}")
    session.execute(f"DROP DATABASE {quoted(name)}")


def _create(server: Server, record: DatabaseRecord, name: str, *, tablespaces: bool) -> None:
    statements = [one for one in record.create if tablespaces or not one.startswith(definition.IN_TABLESPACE)]
    server.execute("template1", [_for(statement, name) for statement in statements])
    if record.prepare:
        server.execute(name, [_for(statement, name) for statement in record.prepare])


def _for(statement: str, name: str) -> str:
    return statement.replace("{name}", quoted(name))


def _has_tablespaces(server: Server, record: DatabaseRecord) -> bool:
    if not record.tablespaces:
        return True
    with server.session("template1") as session:
        present = {row["name"] for row in session.rows("SELECT spcname AS name FROM pg_catalog.pg_tablespace")}
    return present >= set(record.tablespaces)


def _step(
    server: Server, record: DatabaseRecord, source: Open, words: Sequence[str], name: str, error: CommandError
) -> int:
    """Restore one section; return how many entries were repeated. Raises the error if some fail again and again."""
    with source() as dump:
        failed = _failed(server.argv_of_all(name, *words, "--verbose"), dump, error)
    first = len(failed)
    while failed:
        entries = "".join(f"{number};\n" for number in failed)
        if len(entries) > _LONGEST:
            raise error
        with source() as dump, with_search_path(dump, record.search_path or ("public",)) as changed:
            left = _failed(server.argv_of_choice(name, entries, *words, "--verbose"), changed, error)
        if len(left) >= len(failed):
            raise error
        failed = left
    return first


def _failed(argv: Sequence[str], dump: IO[bytes], error: CommandError) -> tuple[int, ...]:
    """Run pg_restore, and return the numbers of the entries that could not be restored."""
    printed: list[bytes] = []
    result = to_end(transfer(argv, source=dump, sink=printed.append))
    found = tuple(dict.fromkeys(int(number) for number in _FAILED.findall(b"".join(printed))))
    if not result.ok and not found:
        raise error
    return found


@contextmanager
def with_search_path(dump: IO[bytes], names: Sequence[str]) -> Iterator[IO[bytes]]:
    """The dump with another search path: a pipe that a thread fills."""
    reader, writer = os.pipe()

    def copy() -> None:
        with suppress(BrokenPipeError), os.fdopen(writer, "wb") as out:
            head = b""
            while len(head) < _HEAD and (piece := dump.read(_HEAD)):
                head += piece
            out.write(changed_search_path(head, names))
            while piece := dump.read(_HEAD):
                out.write(piece)

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    try:
        with os.fdopen(reader, "rb") as pipe:
            yield pipe
    finally:
        thread.join()


def changed_search_path(head: bytes, names: Sequence[str]) -> bytes:
    """The beginning of a dump in the custom format, with these schemas in the search path."""
    path = literal(", ".join(map(quoted, names)))
    statement = f"SELECT pg_catalog.set_config('search_path',{path}, false);\n".encode(errors="surrogateescape")
    return head.replace(_text(_EMPTY_PATH), _text(statement), 1)


def _text(content: bytes) -> bytes:
    """A text in an archive: sign and length, then the text."""
    return b"\0" + len(content).to_bytes(4, "little") + content
