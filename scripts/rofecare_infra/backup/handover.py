"""Hands a restored database over to the application: a restore runs as the administrator."""

from __future__ import annotations

from collections.abc import Iterable

from rofecare_infra.backup.journal import Target
from rofecare_infra.backup.server import Server
from rofecare_infra.errors import CommandError
from rofecare_infra.process import inside, run

# Thousands of objects take seconds; a locked one is waited for.
_PATIENCE = 1800.0

# What the server does at each start, for the new database in place of its own. Other restored databases are closed to
# the application. The environment of the container decides: that of an earlier version has no such role.
_SCRIPT = """
[ -n "${POSTGRES_APPLICATION_USER:-}" ] || exit 0
own=${POSTGRES_DB:-${POSTGRES_USER:-postgres}}
database=$own
while [ $# -gt 0 ]; do
  if [ "$1" = "$own" ]; then database=$2; fi
  shift 2
done
exec bash /etc/rofecare/application-role.sh "$database"
"""


def hand_over(server: Server, targets: Iterable[Target]) -> None:
    """Make the application the owner of what was restored for it on this server. Raises CommandError."""
    names = [name for target in targets for name in (target.name, target.new)]
    argv = inside(server, "sh", "-c", _SCRIPT, "sh", *names)
    result = run(argv, check=False, timeout=_PATIENCE)
    if not result.ok:
        raise CommandError(
            f"{server.service}: the restored database cannot be handed over to the application",
            seen=result.last,
            expected="every object in it owned by the role of the application",
            next_step="fix the cause below, then the same command again",
            details=result.tail(8),
        )
