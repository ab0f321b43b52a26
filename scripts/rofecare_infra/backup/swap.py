"""Swaps restored databases with the existing ones, and rolls that back: by renaming, in one transaction per server.

During the swap no other client can connect to the old or the new databases: a mixture of both is never in use,
whatever else starts, and also after a restart of the machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rofecare_infra.backup.journal import Target
from rofecare_infra.backup.loading import remove
from rofecare_infra.backup.server import NEW, Server, Session, literal, quoted
from rofecare_infra.errors import CommandError

# Sessions are on a database that every server has. Where that one is swapped, they are on one that is made for it.
_USUAL = "template1"
_OTHER = f"{NEW}maintenance"


def names(session: Session, *, valid: bool = False) -> set[str]:
    """The names of all databases of a server, or only of those that an interrupted DROP DATABASE did not leave."""
    rows = session.rows("SELECT datname AS name, datconnlimit = -2 AS invalid FROM pg_catalog.pg_database")
    return {row["name"] for row in rows if not (valid and row["invalid"])}


def swap(servers: Mapping[str, Server], targets: Sequence[Target]) -> None:
    """Block connections to all, then swap them server by server; they stay blocked."""
    for server, mine in _by_server(servers, targets):
        with _session(server, mine) as session:
            _block(session, [name for target in mine for name in (target.name, target.new)])
    for server, mine in _by_server(servers, targets):
        with _session(server, mine) as session:
            _terminate(session, [name for target in mine for name in (target.name, target.new)])
            existing = names(session, valid=True)
            for target in mine:
                if target.name in names(session) - existing:
                    # It can only be dropped, and would be in the way.
                    remove(session, target.name)
            session.execute("BEGIN")
            for target in mine:
                if target.name in existing:
                    session.execute(_rename(target.name, target.old))
                session.execute(_rename(target.new, target.name))
            session.execute("COMMIT")


def roll_back(servers: Mapping[str, Server], targets: Sequence[Target]) -> None:
    """Block connections to all, and rename back those that were swapped; they stay blocked."""
    for server, mine in _by_server(servers, targets):
        with _session(server, mine) as session:
            _block(session, [name for target in mine for name in (target.name, target.new, target.old)])
    for server, mine in _by_server(servers, targets):
        with _session(server, mine) as session:
            _terminate(session, [name for target in mine for name in (target.name, target.new, target.old)])
            existing = names(session)
            session.execute("BEGIN")
            for target in mine:
                if target.old in existing or (
                    not target.existed and target.new not in existing and target.name in existing
                ):
                    session.execute(_rename(target.name, target.new))
                if target.old in existing:
                    session.execute(_rename(target.old, target.name))
            session.execute("COMMIT")


def allow_connections(servers: Mapping[str, Server], targets: Sequence[Target]) -> None:
    """Allow connections to the databases under their own names again."""
    for server, mine in _by_server(servers, targets):
        with _session(server, mine) as session:
            for name in names(session, valid=True) & {target.name for target in mine}:
                session.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true")


def replaced(servers: Mapping[str, Server], targets: Sequence[Target]) -> dict[str, dict[str, str]]:
    """The old databases that are still there: for each service their present names, and the names that they had."""
    found = {}
    for server, mine in _by_server(servers, targets):
        with _session(server, mine) as session:
            present = names(session, valid=True)
        found[server.service] = {target.old: target.name for target in mine if target.old in present}
    return found


def allow_connections_to_old(servers: Mapping[str, Server], targets: Sequence[Target]) -> None:
    """Allow connections to the old databases, so that they can be backed up."""
    for server, mine in _by_server(servers, targets):
        with _session(server, mine) as session:
            for name in names(session, valid=True) & {target.old for target in mine}:
                session.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true")


def drop(servers: Mapping[str, Server], targets: Sequence[Target], *, old: bool) -> None:
    """Drop the databases that were replaced (`old`), or the ones that were restored."""
    for server, mine in _by_server(servers, targets):
        with server.session(_USUAL) as session:
            for name in names(session) & {_OTHER, *(target.old if old else target.new for target in mine)}:
                _block(session, [name])
                _terminate(session, [name])
                remove(session, name)


def _session(server: Server, mine: Sequence[Target]) -> Session:
    """A session on a database that is not swapped."""
    if all(target.name != _USUAL for target in mine):
        return server.session(_USUAL)
    try:
        # Left by the step before.
        server.execute(_OTHER, [])
    except CommandError:
        server.execute(_USUAL, [f"CREATE DATABASE {_OTHER} TEMPLATE template0"])
    return server.session(_OTHER)


def _rename(name: str, other: str) -> str:
    return f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(other)}"


def _block(session: Session, wanted: Iterable[str]) -> None:
    for name in names(session, valid=True) & set(wanted):
        session.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS false")


def _terminate(session: Session, wanted: Iterable[str]) -> None:
    listed = ", ".join(map(literal, wanted))
    session.execute(
        f"SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname IN ({listed})"
    )


def _by_server(servers: Mapping[str, Server], targets: Sequence[Target]) -> list[tuple[Server, list[Target]]]:
    services = dict.fromkeys(target.service for target in targets)
    return [(servers[name], [target for target in targets if target.service == name]) for name in services]
