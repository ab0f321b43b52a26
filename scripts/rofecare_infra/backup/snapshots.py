"""Opens a snapshot of every database at nearly the same time, before the first of them is read."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from rofecare_infra.backup import completeness, database
from rofecare_infra.backup.inventory import Inventory, inventory_of
from rofecare_infra.backup.server import Server, Session
from rofecare_infra.errors import CommandError
from rofecare_infra.platform import Service
from rofecare_infra.progress import Event


@dataclass(frozen=True)
class Snapshot:
    """A database, and the snapshot that everything of it is read from."""

    session: Session
    # The name under which it is backed up.
    database: str
    name: str
    size: int

    @property
    def key(self) -> str:
        """How a manifest calls it."""
        return completeness.key_of_database(self.session.server.service, self.database)


@dataclass(frozen=True)
class Opened:
    """A server, what it contains, the snapshots of its databases, and why others are missing."""

    server: Server
    inventory: Inventory
    snapshots: tuple[Snapshot, ...]
    missing: Mapping[str, str]


def inventory(server: Server, service: Service) -> Generator[Event, None, Inventory]:
    """What the server contains, as a task that runs beside others."""
    yield from ()
    return inventory_of(server, service)


def open_all(
    stack: ExitStack,
    servers: Sequence[Server],
    found: Sequence[Inventory],
    names: Mapping[str, Mapping[str, str]],
) -> list[Opened]:
    """Open the databases found; `names` are those that replaced databases had.

    The sessions end with the stack, not with a thread: the kernel ends a command with the thread that started it.
    """
    # All sessions start at the same time.
    started = [
        (server, inventory, [stack.push(server.session(name)) for name in inventory.names])
        for server, inventory in zip(servers, found, strict=True)
    ]
    opened = []
    for server, inventory, sessions in started:
        snapshots: list[Snapshot] = []
        missing = dict(inventory.missing)
        for session in sessions:
            name = names.get(server.service, {}).get(session.database, session.database)
            try:
                stack.enter_context(session)
                snapshots.append(Snapshot(session, name, database.begin(session), database.size_of(session)))
            except CommandError as error:
                missing[completeness.key_of_database(server.service, name)] = completeness.reason(error)
        opened.append(Opened(server, inventory, tuple(snapshots), missing))
    return opened
