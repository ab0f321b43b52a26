"""The node of a database dies: it returns with its data, or it is lost for good, and its last backup is restored."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from rofecare_infra import swarm
from tests.support.pinned import SERVICE, PinnedDatabase, pinned_database, wait
from tests.support.project import check

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

# How long a database whose node is dead is watched, in seconds: a Swarm that could start it elsewhere does it sooner.
WATCHED = 20.0


@pytest.mark.usefixtures("engine")
def test_a_database_waits_for_its_node_and_begins_elsewhere_on_request(tmp_path: Path) -> None:
    with pinned_database(tmp_path / "project") as database:
        project, lost = database.project, database.cluster.machine("node2")
        check(project.inv("place", SERVICE, "node2"), 0)
        database.send({"node2": [database.image], "node3": [database.image]})
        database.start_with_rows("node2")
        database.sql("node2", "INSERT INTO kept VALUES (0)")
        check(project.inv("backup"), 0, "1 databases (db/rofecare)")

        lost.cut_power()
        wait("that node 2 is down", lambda: states(database)["node2"] == "down")
        began = time.monotonic()
        while time.monotonic() < began + WATCHED:
            assert database.runs_on() == ()
            time.sleep(1)
        # Nobody waits for a node that is known to be down.
        began = time.monotonic()
        code, output = project.inv("nodes", "--json")
        assert code == 0, output
        found = json.loads(output.splitlines()[-1])
        assert [one["silent"] for one in found["nodes"]] == ["", "the node is down", ""]
        assert found["services"] == [{"service": "db", "runs_on": [], "pinned_to": "node2", "data_on": "node2"}]
        check(project.inv("place", SERVICE, "node3"), 5, "its data is on node2")

        lost.start()
        wait("the database on node 2", lambda: database.ready_on("node2"))
        assert database.rows("node2") == 101

        lost.cut_power()
        wait("that node 2 is down again", lambda: states(database)["node2"] == "down")
        database.cluster.manager.docker("node", "rm", "--force", "node2")
        check(project.inv("place", SERVICE, "node3", "--without-data"), 0, "its data stays on node2")
        wait("the new database on node 3", lambda: database.ready_on("node3"))
        assert database.rows("node3") == 0
        assert swarm.volumes.expect(database.manager, project.name, SERVICE, "node3")
        check(project.inv("restore", "--only", SERVICE), 0, "1 databases came out equal")
        assert database.rows("node3") == 101
        check(project.inv("place", SERVICE, "node1"), 5, "its data is on node3")


def states(database: PinnedDatabase) -> dict[str, str]:
    return {node.hostname: node.state for node in database.nodes}
