"""The databases that are there before a restore, and whether there is room for it beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rofecare_infra.backup import room
from rofecare_infra.backup.manifest import DatabaseRecord
from rofecare_infra.backup.server import Server
from rofecare_infra.backup.store import Store

# Without what every database has. Of one that an interrupted DROP DATABASE left, the size is what is still there.
_SIZES = """
SELECT datname AS name,
       greatest(pg_catalog.pg_database_size(oid) - pg_catalog.pg_database_size('template0'), 0) AS size
FROM pg_catalog.pg_database
"""


def sizes(servers: Mapping[str, Server]) -> dict[tuple[str, str], int]:
    """The databases of these servers, and their sizes."""
    found: dict[tuple[str, str], int] = {}
    for service, server in servers.items():
        with server.session("template1") as session:
            found |= {(service, row["name"]): int(row["size"]) for row in session.rows(_SIZES)}
    return found


def require_room(
    store: Store,
    servers: Mapping[str, Server],
    records: Sequence[DatabaseRecord],
    present: Mapping[tuple[str, str], int],
) -> None:
    """Raise VerificationError without room for the restored databases and the safety backup of the present ones."""
    backups = room.of_folder(store.folder)
    planned = []
    for service, server in servers.items():
        mine = [one for one in records if one.service == service]
        size = sum(room.restored(one.size) for one in mine)
        planned.append(room.Planned(f"{service}: restored beside the existing databases", room.of_server(server), size))
        safety = sum(present.get((service, one.name), 0) for one in mine)
        planned.append(room.Planned(f"{service}: the safety backup of the existing databases", backups, safety))
    room.require(planned, "there is no disk space to restore beside the existing databases")
