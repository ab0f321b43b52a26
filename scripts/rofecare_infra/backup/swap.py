"""Puts restored databases in the place of the present ones, and back: by names, one transaction a server.

While anything is swapped nobody but this can connect to what is old or new: a mix of both never serves, whatever
else starts, and also after the machine did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rofecare_infra.backup.journal import Target
from rofecare_infra.backup.server import Server, Session, literal, quoted

# One that is never among ours and takes connections in every server.
_ELSEWHERE = "template1"


def names(session: Session) -> set[str]:
    """The databases of a server."""
    return {row["name"] for row in session.rows("SELECT datname AS name FROM pg_catalog.pg_database")}


def swap(servers: Mapping[str, Server], targets: Sequence[Target]) -> None:
    """Close everything, then swap server by server; all stay closed."""
    for server, mine in _by_server(servers, targets):
        with server.session(_ELSEWHERE) as session:
            _close(session, [name for target in mine for name in (target.name, target.new)])
    for server, mine in _by_server(servers, targets):
        with server.session(_ELSEWHERE) as session:
            _terminate(session, [name for target in mine for name in (target.name, target.new)])
            there = names(session)
            session.execute("BEGIN")
            for target in mine:
                if target.name in there:
                    session.execute(_rename(target.name, target.old))
                session.execute(_rename(target.new, target.name))
            session.execute("COMMIT")


def undo(servers: Mapping[str, Server], targets: Sequence[Target]) -> None:
    """Close everything, put back what was swapped, whatever that is by now; all stay closed."""
    for server, mine in _by_server(servers, targets):
        with server.session(_ELSEWHERE) as session:
            _close(session, [name for target in mine for name in (target.name, target.new, target.old)])
    for server, mine in _by_server(servers, targets):
        with server.session(_ELSEWHERE) as session:
            _terminate(session, [name for target in mine for name in (target.name, target.new, target.old)])
            there = names(session)
            session.execute("BEGIN")
            for target in mine:
                if target.old in there or (not target.existed and target.new not in there and target.name in there):
                    session.execute(_rename(target.name, target.new))
                if target.old in there:
                    session.execute(_rename(target.old, target.name))
            session.execute("COMMIT")


def open_again(servers: Mapping[str, Server], targets: Sequence[Target]) -> None:
    """Let everybody connect again to what has its place now."""
    for server, mine in _by_server(servers, targets):
        with server.session(_ELSEWHERE) as session:
            for name in names(session) & {target.name for target in mine}:
                session.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS true")


def drop(servers: Mapping[str, Server], targets: Sequence[Target], *, old: bool) -> None:
    """Remove what was set aside (`old`), or what was restored beside."""
    for server, mine in _by_server(servers, targets):
        with server.session(_ELSEWHERE) as session:
            for name in names(session) & {target.old if old else target.new for target in mine}:
                _close(session, [name])
                _terminate(session, [name])
                session.execute(f"DROP DATABASE {quoted(name)}")


def _rename(name: str, other: str) -> str:
    return f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(other)}"


def _close(session: Session, wanted: Iterable[str]) -> None:
    for name in names(session) & set(wanted):
        session.execute(f"ALTER DATABASE {quoted(name)} ALLOW_CONNECTIONS false")


def _terminate(session: Session, wanted: Iterable[str]) -> None:
    listed = ", ".join(map(literal, wanted))
    session.execute(
        f"SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE datname IN ({listed})"
    )


def _by_server(servers: Mapping[str, Server], targets: Sequence[Target]) -> list[tuple[Server, list[Target]]]:
    services = dict.fromkeys(target.service for target in targets)
    return [(servers[name], [target for target in targets if target.service == name]) for name in services]
