"""In production, data is removed only after confirmation and a verified backup."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.backups import listed
from tests.support.databases import SECRETS, postgres, sql
from tests.support.images import POSTGRES, ensure
from tests.support.project import Project, check


@pytest.mark.usefixtures("engine")
def test_production_data_is_removed_after_confirmation_and_a_verified_backup(tmp_path: Path) -> None:
    ensure(POSTGRES)
    project = Project(tmp_path / "p", {"one-db": postgres("one", "one")}, volumes={"one": {}}, secrets=SECRETS)
    labels = {"com.rofecare.mode": "production"}
    project.write("docker-compose.prod.yml", {"services": {"one-db": {"labels": labels}}})
    project.environment["GATE_TIMEOUT"] = "120"
    volume, marker = f"{project.name}_one", f"{project.name}_platform"
    try:
        check(project.inv("start-all", "--prod"), 0)
        sql(project, "one-db", "one", "CREATE TABLE x AS SELECT 1 AS n")
        check(project.inv("stop-all"), 0)
        # Without a terminal there is no confirmation.
        check(project.inv("stop-all", "--volumes"), 2, "no terminal to ask in", "--yes")
        # Without a backup nothing is removed.
        project.environment["BACKUP_DIR"] = "/proc/nowhere"
        check(project.inv("stop-all", "--volumes", "--yes"), 3, "the folder of the backups cannot be used")
        del project.environment["BACKUP_DIR"]
        assert project.docker("volume", "ls", "-q", "--filter", f"name={volume}") == volume
        check(project.inv("stop-all", "--volumes", "--yes"), 0, "verified backup before anything is removed", volume)
        assert project.docker("volume", "ls", "-q", "--filter", f"name={project.name}_") == ""
        taken = listed(project)[-1]
        assert (taken["reason"], bool(taken["verified"])) == ("before all data was removed", True)
        # The backup can be restored, and the platform is a production platform again, as on a new server.
        check(project.inv("restore", "--json"), 0)
        assert project.docker("volume", "ls", "-q", "--filter", f"name={marker}") == marker
        assert sql(project, "one-db", "one", "SELECT n FROM x") == "1"
    finally:
        project.clean()
