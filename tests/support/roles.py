"""A small production site whose database gets a role for its application by an upgrade."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.support.databases import postgres
from tests.support.images import POSTGRES
from tests.support.locked import NO_DATA, probe, secrets
from tests.support.project import REPOSITORY, Project

Json = dict[str, Any]

ROLE = "shop_app"
_MARKER = "${PRODUCTION_MARKER:-${COMPOSE_PROJECT_NAME}_production_checkout}"
# Writes a row, and is ready then.
_APPLICATION = """
export PGPASSWORD=$(cat /run/secrets/password)
psql -wXq -h shop-db -U "$DB_USER" -d shop -v ON_ERROR_STOP=1 -c "
    CREATE TABLE IF NOT EXISTS log (at timestamptz DEFAULT now(), who text DEFAULT current_user);
    INSERT INTO log DEFAULT VALUES" || exit 1
touch /tmp/ok; exec sleep infinity
"""
# Changes the data, and fails.
_BROKEN = (
    'export PGPASSWORD=$(cat /run/secrets/password); psql -h shop-db -U "$DB_USER" shop -c "DROP TABLE log"; exit 3'
)


def _database(database: str) -> tuple[Json, Json]:
    """What the platform's own databases have for the role, in production; and the files that they mount."""
    files = ("-f", "docker-compose.yml", "-f", "docker-compose.prod.yml")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        ["docker", "compose", *files, "config", "--format", "json"],
        cwd=REPOSITORY / "docker",
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    model = json.loads(done.stdout)
    ours = model["services"]["identity-db"]
    environment = {**ours["environment"], "POSTGRES_DB": database, "POSTGRES_APPLICATION_USER": ROLE}
    mounted = [
        {"source": "shop_db_password", "target": "postgres_password"},
        {"source": "shop_db_application_password", "target": "application_password"},
    ]
    service = {
        **postgres(database, "data", environment=environment, secrets=mounted),
        **{name: ours[name] for name in ("entrypoint", "command", "configs")},
    }
    service["healthcheck"] = {**service["healthcheck"], "test": ours["healthcheck"]["test"]}
    names = {one["source"] for one in ours["configs"]}
    paths = {name: Path(model["configs"][name]["file"]).relative_to(REPOSITORY / "docker") for name in names}
    return service, {name: {"file": f"./{path}"} for name, path in paths.items()}


class Site(Project):
    """A checkout in miniature with the compose files of production."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {})
        self.environment |= {"STATE_DIR": str(folder.parent / "state"), "GATE_TIMEOUT": "60"}
        shutil.copytree(REPOSITORY / "docker/config", folder / "docker/config", dirs_exist_ok=True)
        mode = {"com.rofecare.mode": "production", "com.rofecare.release": "${RELEASE:-}"}
        self.write(
            "docker-compose.prod.yml",
            {
                "services": {
                    "shop-db": {"labels": mode, "volumes": ["production-marker:/run/production-marker:ro"]},
                    "app": {"labels": mode},
                },
                "volumes": {
                    "data": {"external": True, "name": "${COMPOSE_PROJECT_NAME}_production_data"},
                    "production-marker": {"external": True, "name": _MARKER},
                },
            },
        )

    def old(self) -> None:
        """The release before: the application logs in as the administrator."""
        mounted = [{"source": "shop_db_password", "target": "postgres_password"}]
        database = postgres("shop", "data", secrets=mounted)
        database["environment"]["POSTGRES_PASSWORD_FILE"] = "/run/secrets/postgres_password"
        self._write(database, "rofecare", "shop_db_password", _APPLICATION)

    def new(self, *, broken: bool = False) -> None:
        """The release with the role."""
        database, files = _database("shop")
        script = _BROKEN if broken else _APPLICATION
        self._write(database, ROLE, "shop_db_application_password", script, files)

    def _write(self, database: Json, user: str, secret: str, script: str, files: Json | None = None) -> None:
        application = {
            "image": POSTGRES,
            "entrypoint": ["bash", "-c", script.replace("$", "$$")],
            "environment": {"DB_USER": user},
            "secrets": [{"source": secret, "target": "password"}],
            "labels": {"com.rofecare.phase": "business"},
            "depends_on": {"shop-db": {"condition": "service_healthy"}},
            "healthcheck": probe("test -e /tmp/ok"),
            "init": True,
            **NO_DATA,
        }
        networks = json.loads((self.root / "docker/docker-compose.yml").read_text())["networks"]
        self.write(
            "docker-compose.yml",
            {
                "name": self.name,
                "services": {"shop-db": database, "app": application},
                "networks": networks,
                "volumes": {"data": {}},
                "secrets": secrets(*dict.fromkeys(("shop_db_password", secret))),
                "configs": files or {},
            },
        )

    def secret(self, name: str) -> str:
        """The content of a file of the secrets folder."""
        return (Path(self.environment["STATE_DIR"]) / "secrets" / name).read_text()

    def login(self, statement: str = "SELECT 1", *, user: str = "", password: str = "", database: str = "shop") -> str:
        """Run a statement from the container of the application; return the output, or the error."""
        container = f"{self.name}-app-1"
        script = 'export PGPASSWORD="${1:-$(cat /run/secrets/password)}"; shift; exec "$@" 2>&1'
        words = ("psql", "-wXAtq", "-h", "shop-db", "-U", user or ROLE, "-d", database, "-c", statement)
        argv = ["docker", "exec", container, "sh", "-c", script, "sh", password, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

    def checksum(self, database: str = "shop") -> str:
        """Of the whole content, without its owners."""
        dump = (
            f"pg_dump -U rofecare --no-owner --no-privileges --exclude-table=log {database}"
            " | grep -vE '^.(un)?restrict' | md5sum"
        )
        return self.docker("exec", f"{self.name}-shop-db-1", "bash", "-o", "pipefail", "-c", dump)
