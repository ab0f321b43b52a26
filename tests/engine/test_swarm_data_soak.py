"""Data of a stack: backed up, restored despite an interruption, with other secrets, and on another node."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rofecare_infra import swarm
from rofecare_infra.engine import connect
from tests.support.pinned import wait
from tests.support.project import check
from tests.support.small_stack import NAME, SmallStack, small_stack

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]

PLACES = {"clinical-db": "node1", "redis": "node1", "patient-db": "node2", "zookeeper": "node2", "kafka": "node2"}
LOST = ("patient-db", "zookeeper", "kafka")


@pytest.mark.usefixtures("engine")
def test_the_data_of_a_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_stack(tmp_path) as stack:
        for name, value in stack.cluster.environment.items():
            monkeypatch.setenv(name, value)
        manager = connect()
        for service, node in PLACES.items():
            nodes = swarm.nodes.nodes(manager)
            swarm.placement.pin(manager, NAME, service, swarm.nodes.named(node, nodes), nodes)
        check(stack.inv("deploy", "--yes"), 0, "replicas ready on 3 nodes")
        stack.sql("node2", "CREATE TABLE kept AS SELECT generate_series(1, 500) AS id")
        stack.produce("node2", 50)
        backup = taken(stack)
        check(stack.inv("verify-backup"), 0, "tables with 500 rows came out equal")
        stack.sql("node2", "DELETE FROM kept WHERE id > 300")
        stack.produce("node2", 7)

        code, output = stack.inv("restore", backup, "--part", "kafka", killed_at="restoring the volume zookeeper-data")
        assert code < 0, output
        check(stack.inv("deploy"), 0, "rolled back to the old state", "front on node3 is open")
        assert state(stack, "node2") == (300, 57)

        for secret in ("patient_db_password", "patient_kafka_password", "redis_password"):
            check(stack.inv("rotate", secret), 0, f"{secret} is changed: the new secret is accepted")
        code, output = stack.inv("deploy")
        assert (code, re.findall(r" ready after ", output)) == (0, []), output

        check(stack.inv("restore", backup, "--part", "kafka"), 0, "2 databases came out equal")
        assert state(stack, "node2") == (500, 50)
        last = taken(stack)

        stack.cluster.machine("node2").cut_power()
        wait("that node 2 is down", lambda: "down" in {one.state for one in swarm.nodes.nodes(manager)})
        stack.cluster.manager.docker("node", "rm", "--force", "node2")
        for service in LOST:
            check(stack.inv("place", service, "node3", "--without-data"), 0)
        check(stack.inv("deploy"), 0, "replicas ready on 2 nodes")
        check(stack.inv("restore", "--only", "patient"), 0, "1 databases came out equal")
        assert state(stack, "node3") == (500, 0)
        check(stack.inv("restore", last, "--part", "kafka"), 0, "2 databases came out equal")
        assert state(stack, "node3") == (500, 50)


def taken(stack: SmallStack) -> str:
    """The id of a new backup."""
    code, output = stack.inv("backup")
    assert code == 0, output
    return str(re.findall(r"^backup (\w+): ", output, re.MULTILINE)[-1])


def state(stack: SmallStack, node: str) -> tuple[int, int]:
    """How many rows and messages there are."""
    return int(stack.sql(node, "SELECT count(*) FROM kept")), stack.messages(node)
