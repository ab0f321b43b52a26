"""One database of a backup: dumped with its facts from one snapshot, restored under any name, and compared."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from rofecare_infra.backup import definition, encryption, facts
from rofecare_infra.backup.encryption import Encrypted
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.loading import load
from rofecare_infra.backup.manifest import DatabaseRecord, Facts, FileRecord, Position, description
from rofecare_infra.backup.server import Server, Session, progress, require_success
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.process import transfer
from rofecare_infra.progress import Event, Working, mebibytes

__all__ = ["begin", "compare", "dump", "load", "size_of"]

# The dump fails if a table stays locked for longer, in milliseconds.
_LOCK_WAIT = 60000
# The number of differences that an error lists.
_MANY = 12

_SIZE = """
SELECT coalesce(sum(pg_catalog.pg_table_size(c.oid)), 0)::bigint AS size
FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384
    OR c.oid = 'pg_catalog.pg_largeobject'::pg_catalog.regclass
"""


# Zstandard is faster than the default, and smaller; pg_dump has it from version 16 on, if it was built with it.
_ZSTD = "--compress=zstd:3"
_ABOUT = """
SELECT pg_catalog.getdatabaseencoding() AS encoding,
       pg_catalog.current_setting('server_version_num')::int >= 160000 AND EXISTS (
           SELECT FROM pg_catalog.pg_settings WHERE name = 'wal_compression' AND 'zstd' = ANY (enumvals)) AS zstd
"""


def begin(session: Session) -> str:
    """Start the transaction that everything is read in; return the name of its snapshot."""
    session.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    return str(session.rows("SELECT pg_catalog.pg_export_snapshot() AS name")[0]["name"])


def size_of(session: Session) -> int:
    """The size of the tables, in bytes; their compressed dump is smaller."""
    return int(session.rows(_SIZE)[0]["size"])


def dump(
    session: Session, name: str, snapshot: str, folder: Path, key: Key
) -> Generator[Event, None, tuple[DatabaseRecord, dict[str, FileRecord]]]:
    """Dump the database of the session into the folder, under this name; its transaction holds the snapshot.

    Raises CommandError if it cannot be dumped; no file of it is left then.
    """
    server = session.server
    stem = f"{server.service}.{quote(name, safe='')}"
    file, facts_file = f"{stem}.dump{encryption.SUFFIX}", f"{stem}.facts.json{encryption.SUFFIX}"
    yield Working(f"{server.service}: dumping {name}")
    before = facts.sequence_values(session)
    about = session.rows(_ABOUT)[0]
    words = (
        "pg_dump",
        "--format=custom",
        f"--snapshot={snapshot}",
        f"--lock-wait-timeout={_LOCK_WAIT}",
        "--no-password",
        # A conversion refuses bytes that do not belong to the encoding of the database.
        f"--encoding={about['encoding']}",
        *((_ZSTD,) if about["zstd"] else ()),
    )
    argv = server.argv(session.database, *words, watched=True)
    try:
        with Encrypted(folder / file, key) as out:
            result = yield from progress(
                transfer(argv, sink=out.write),
                1 << 20,
                lambda count: f"{server.service}: {name}, {mebibytes(count)} written",
            )
            require_success(result, "pg_dump", f"{server.service}: the database {name} cannot be dumped")
        yield Working(f"{server.service}: counting {name}")
        found = _with_sequences(facts.collect(session), before, facts.sequence_values(session))
    except CommandError:
        (folder / file).unlink(missing_ok=True)
        raise
    record = DatabaseRecord(
        service=server.service,
        name=name,
        file=file,
        size=size_of(session),
        description=facts_file,
        create=tuple(definition.create(session)),
        prepare=definition.prepare(session),
        finish=definition.finish(session),
        search_path=definition.search_path(session),
        tablespaces=definition.tablespaces(session),
        facts=found,
    )
    facts_record = encryption.write(folder / facts_file, description(record).encode(), key)
    return record, {file: out.record, facts_file: facts_record}


def _with_sequences(found: Facts, before: dict[str, tuple[int, bool]], after: dict[str, tuple[int, bool]]) -> Facts:
    return replace(
        found,
        sequences={
            name: Position(before.get(name, one.low), after.get(name, one.low)) for name, one in found.sequences.items()
        },
    )


def compare(server: Server, record: DatabaseRecord, name: str, backup: str) -> Generator[Event, None, None]:
    """Compare the content with the recorded facts. Raises VerificationError that lists the differences."""
    yield Working(f"{record.service}: comparing {record.name}")
    with server.session(name) as session:
        found = list(facts.differences(record.facts, facts.collect(session, detail=record.facts.detail)))
    if found:
        raise VerificationError(
            f"backup {backup} does not verify: {record.file}",
            seen=f"{record.service}/{record.name}: {found[0]}",
            expected="the same content after a restore as at the time of the backup",
            next_step="inv verify-backup with an older one, and take a new one: inv backup",
            details=found[1 : 1 + _MANY],
        )
