"""Whether a server has room for what is to be restored beside what it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rofecare_infra.backup.records import DatabaseRecord
from rofecare_infra.backup.server import Server
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import run
from rofecare_infra.progress import mebibytes

# Tables, as many indexes again, and what the server writes in passing, in bytes.
_FACTOR = 2
_MARGIN = 64 << 20


def check_room(servers: Mapping[str, Server], records: Sequence[DatabaseRecord]) -> None:
    """Raises VerificationError for the first server whose disk is too small. One that does not tell is trusted."""
    for service, server in servers.items():
        needed = _FACTOR * sum(one.size for one in records if one.service == service) + _MARGIN
        free = _free(server)
        if free is not None and free < needed:
            raise VerificationError(
                f"{service} has no room for a restore beside what is there",
                seen=f"{mebibytes(free)} free",
                expected=f"{mebibytes(needed)}: twice what the tables take, and a margin",
                next_step="make room on the disk of the container engine, then the same command again",
            )


def _free(server: Server) -> int | None:
    argv = ["docker", "exec", server.container, "sh", "-c", 'df -Pk "${PGDATA:-/var/lib/postgresql/data}"']
    result = run(argv, check=False, timeout=60)
    fields = (result.stdout.splitlines() or [""])[-1].split()
    # Filesystem, blocks, used, available, capacity, mount point: from the end, since the first may have spaces.
    available = fields[-3:-2]
    return int(available[0]) << 10 if result.ok and available and available[0].isdigit() else None
