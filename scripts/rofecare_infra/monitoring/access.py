"""Access of the monitoring: a role in each database that reads no table."""

from __future__ import annotations

from collections.abc import Generator

from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import CommandError
from rofecare_infra.monitoring.files import content
from rofecare_infra.platform import MONITORING, Platform
from rofecare_infra.process import inside, run
from rofecare_infra.progress import Event, Note
from rofecare_infra.secrets import scram_verifier

ROLE = "rofecare_monitoring"
_PASSWORD = "monitoring_db_password"  # noqa: S105 - the name of a secret

_PATIENCE = 30.0
# Runs in the container, over the socket that its own user may use without a password; not in the database of the
# application, which decides what names mean there.
_CLIENT = 'PGOPTIONS="-c search_path=" exec psql -qX -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d template1'
# The size of a table cannot be read while it is locked: without a limit, the scrape would wait for the lock beyond its
# 10 s, and the database would be reported as down.
_STATEMENTS = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN CREATE ROLE {role}; END IF;
END $$;
ALTER ROLE {role} WITH LOGIN NOSUPERUSER CONNECTION LIMIT 5 PASSWORD '{verifier}';
ALTER ROLE {role} SET lock_timeout = '2s';
ALTER ROLE {role} SET statement_timeout = '8s';
GRANT pg_monitor TO {role};
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pg_use_reserved_connections') THEN
    GRANT pg_use_reserved_connections TO {role};
  END IF;
END $$;
"""


def grant_monitoring_access(platform: Platform, engine: Engine) -> Generator[Event, None, None]:
    """Create the role in every running database with the password of the monitoring.

    A database that refuses is reported and skipped: the monitoring must start where something is broken, too.
    """
    if not _is_used(platform):
        return
    databases = {one.name for one in platform.services if "POSTGRES_DB" in one.environment}
    running = [one for one in engine.containers(platform.project) if one.service in databases and one.ready]
    verifier = scram_verifier(content(platform.secrets[_PASSWORD]))
    for container in running:
        refusal = _refusal(container, _STATEMENTS.format(role=ROLE, verifier=verifier))
        if refusal:
            yield Note(f"{container.service} grants the monitoring no access: {refusal}")


def _refusal(container: Container, statements: str) -> str:
    """Why the database refused the statements; empty if it accepted them."""
    try:
        result = run(
            inside(container, "sh", "-c", _CLIENT, interactive=True),
            stdin=statements,
            timeout=_PATIENCE,
            check=False,
        )
    except CommandError as error:
        return error.seen
    return "" if result.ok else result.last


def _is_used(platform: Platform) -> bool:
    used = any(one.phase == MONITORING and _PASSWORD in one.secrets for one in platform.services)
    return used and _PASSWORD in platform.secrets
