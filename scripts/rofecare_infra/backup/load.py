"""Brings a database of a backup into a server, under whatever name, and compares what came out with what went in."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from pathlib import Path

from rofecare_infra.backup import facts
from rofecare_infra.backup.database import creation
from rofecare_infra.backup.records import DatabaseRecord
from rofecare_infra.backup.server import Server, literal
from rofecare_infra.backup.streams import insist
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import to_end, transfer
from rofecare_infra.progress import Event, Working

# How many differences an error lists.
_MANY = 12


def load(server: Server, record: DatabaseRecord, folder: Path, name: str) -> Generator[Event, None, None]:
    """Make the database `name` and fill it from the backup's dump. Raises CommandError when that fails."""
    yield Working(f"{record.service}: restoring {record.name}")
    server.execute("template1", creation(record, name))
    words = ("pg_restore", "--exit-on-error", "--no-password", f"--dbname={name}")
    with (folder / record.file).open("rb") as source:
        result = to_end(transfer(server.argv(name, *words), source=source))
    insist(result, "pg_restore", f"{record.service}: {record.file} cannot be restored")


def compare(server: Server, record: DatabaseRecord, name: str, backup: str) -> Generator[Event, None, None]:
    """Compare counts and checksums of all of it. Raises VerificationError that lists the differences."""
    yield Working(f"{record.service}: comparing {record.name}")
    with server.session(name) as session:
        found = list(facts.differences(record.facts, facts.collect(session)))
    if found:
        raise VerificationError(
            f"backup {backup} does not verify: {record.file}",
            seen=f"{record.service}/{record.name}: {found[0]}",
            expected="after the restore what was there before the backup",
            next_step="inv verify-backup with an older one, and take a new one: inv backup",
            details=found[1 : 1 + _MANY],
        )


def add_roles(server: Server, sql: str, names: Iterable[str]) -> tuple[str, ...]:
    """Make those of these roles that the server has not; the others stay as they are. Returns what was made."""
    with server.session("template1") as session:
        there = {row["name"] for row in session.rows("SELECT rolname AS name FROM pg_catalog.pg_roles")}
        missing = [name for name in names if name not in there]
        if not missing:
            return ()
        spelt = {row["name"]: row["spelt"] for row in session.rows(_spelling(missing))}
        for line in sql.splitlines():
            if any(line.startswith((f"CREATE ROLE {one};", f"ALTER ROLE {one} ")) for one in spelt.values()):
                session.execute(line)
        for line in sql.splitlines():
            # Who is a member of what, as far as it concerns a role that was just made.
            if line.startswith("GRANT ") and any(f" {one}" in line.replace(";", " ") for one in spelt.values()):
                # By whom matters nowhere, and that one may not be the first superuser here.
                session.execute(re.sub(r" GRANTED BY [^;]*;$", ";", line))
    return tuple(missing)


def _spelling(names: Iterable[str]) -> str:
    texts = ", ".join(map(literal, names))
    return f"SELECT name::text AS name, format('%I', name::text) AS spelt FROM unnest(ARRAY[{texts}]) AS name"
