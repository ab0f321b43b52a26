"""Upgrade and removal on three engines: real PostgreSQL on one, an application and an ingress wherever they run."""

from __future__ import annotations

import gzip
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rofecare_infra.engine import StackEngine, connect, locked, this_command
from tests.support.authority import Authority
from tests.support.images import POSTGRES, ensure
from tests.support.locked import secrets
from tests.support.project import Project, check
from tests.support.shop import images, services
from tests.support.three_engines import Cluster, three_engines

pytestmark = pytest.mark.full

PORT = 18080
TLS = ("TLS_HOST", "TLS_ISSUER", "TLS_CERTIFICATE_FILE", "TLS_KEY_FILE")


class Stack:
    """The shop on a Swarm, and queries of its state."""

    def __init__(self, cluster: Cluster, project: Project) -> None:
        self.cluster = cluster
        self.project = project
        self.engine = StackEngine(connect())

    def sql(self, statement: str) -> str:
        """Run a statement in the database, on the node that has it."""
        node = self.cluster.machine("node2")
        container = node.docker("ps", "--quiet", "--filter", f"name={self.project.name}_db.")
        return node.docker("exec", container, "psql", "-XAtq", "-U", "shop", "-d", "shop", "-c", statement)

    def write(self) -> str:
        """Write an entry; its id."""
        name = str(uuid.uuid4())
        self.sql(f"insert into entry values ('{name}')")  # noqa: S608 - an id of this test
        return name

    def rows(self) -> set[str]:
        """The ids of all entries."""
        return set(self.sql("select id from entry").split())

    def images(self) -> dict[str, str]:
        """Service -> the name of its image in the compose files."""
        return {one.service: one.image for one in self.engine.containers(self.project.name)}


@pytest.fixture(scope="module")
def stack(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    assert engine is not None
    ensure(POSTGRES)
    folder = tmp_path_factory.mktemp("stack")
    with (
        images(tmp_path_factory.mktemp("images")) as shop,
        three_engines() as cluster,
        pytest.MonkeyPatch.context() as patch,
    ):
        cluster.manager.lend([POSTGRES, *(f"{shop}:{tag}" for tag in ("v1", "v2", "ending"))])
        described = services(shop, PORT)
        project = Project(folder / "project", described, volumes={"data": {}}, secrets=secrets("db_password"))
        for file in ("docker-compose.prod.yml", "docker-compose.swarm.yml"):
            project.write(file, {"services": {}})
        # A setting is one that the compose files name.
        project.write("docker-compose.tls.yml", {"services": {}, "x-settings": [f"${{{name}:-}}" for name in TLS]})
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        project.environment |= {**cluster.environment, "CLEAR_TEXT": "accepted", "GATE_TIMEOUT": "120"}
        check(project.inv("place", "db", "node2"), 0, "db is pinned to node2")
        check(project.inv("deploy", "--yes", timeout=280), 0, "up: 3 of 3 replicas ready on 3 nodes")
        yield Stack(cluster, project)


@pytest.mark.timeout(300)
def test_an_upgrade_that_fails_is_rolled_back_with_its_data(stack: Stack) -> None:
    project, before = stack.project, stack.images()
    kept = stack.write()
    check(
        project.inv("upgrade", "--to", "ending", timeout=280),
        7,
        "the upgrade was rolled back: shop",
        "| I cannot go on",
        "are restored, and the platform is up",
    )
    assert stack.images() == before
    assert stack.rows() == {kept}
    assert stack.sql("select count(*) from pg_tables where tablename = 'junk'") == "0"
    check(project.inv("status"), 0, "3 of 3 ready")


def test_nodes_that_cannot_encrypt_are_refused(stack: Stack, tmp_path: Path) -> None:
    project, before = stack.project, dict(stack.project.environment)
    issued = Authority(tmp_path).issue("his.example", days=90)
    files = {"TLS_CERTIFICATE_FILE": str(issued.certificate), "TLS_KEY_FILE": str(issued.key)}
    project.environment |= {"CLEAR_TEXT": "", "TLS_HOST": "his.example", "TLS_ISSUER": "files", **files}
    outcome = project.inv("deploy", "--yes", timeout=200)
    project.environment = before
    # The kernel of the tests, which the machines share.
    config = Path("/proc/config.gz")
    if config.exists() and b"\nCONFIG_INET_ESP=" not in gzip.decompress(config.read_bytes()):
        check(outcome, 4, "node1 cannot encrypt the networks", "a kernel without ESP", "nothing was started")
    else:
        assert "cannot encrypt" not in outcome[1] or "/modules" in outcome[1], outcome[1]


@pytest.mark.timeout(300)
def test_a_successful_upgrade_stays(stack: Stack) -> None:
    project, before = stack.project, stack.rows()
    check(project.inv("upgrade", "--rehearse"), 2, "an upgrade of a stack cannot be rehearsed")
    check(project.inv("upgrade", "--to", "v2", timeout=280), 0, "1 of 3 services are replaced", "upgraded: 1 services")
    assert stack.images()["shop"].endswith(":v2")
    assert stack.rows() == before
    assert stack.sql("select count(more) from entry") == "0"
    with locked(stack.engine, project.name, this_command("inv rotate")):
        check(project.inv("upgrade"), 5, "another command is changing", "inv rotate")
    # A rotation gives services another secret: what the compose files describe.
    check(project.inv("rotate", "db", timeout=200), 0, "db_password is changed")
    check(project.inv("upgrade"), 0, "nothing to upgrade")


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_deployment_rolls_a_killed_upgrade_back(stack: Stack) -> None:
    project, before, rows = stack.project, stack.images(), stack.rows()
    journal = project.root / "state" / f"upgrade-{project.name}.json"
    with project.popen("upgrade", "--to", "ending") as running:
        end = time.monotonic() + 120
        while not (journal.exists() and '"touched": []' not in journal.read_text()):
            assert running.poll() is None, running.stdout.read() if running.stdout else ""
            assert time.monotonic() < end
            time.sleep(0.05)
        running.kill()
    check(project.inv("deploy", "--yes", timeout=280), 0, "an upgrade was interrupted", "up: 3 of 3")
    assert stack.images() == before
    assert stack.rows() == rows
    assert not journal.exists()


@pytest.mark.timeout(300)
def test_all_data_is_removed_from_its_node_after_a_verified_backup(stack: Stack) -> None:
    project, node = stack.project, stack.cluster.machine("node2")
    check(project.inv("stop-all", "--volumes"), 2, "all data of", "no confirmation")
    check(
        project.inv("stop-all", "--volumes", "--yes", timeout=280),
        0,
        "verified backup before anything is removed",
        f"removed 1 volumes: node2: {project.name}_data",
        "removed 1 secrets: db_password",
    )
    assert node.docker("volume", "ls", "--quiet") == ""
    assert stack.cluster.manager.docker("service", "ls", "--quiet") == ""
    assert stack.cluster.manager.docker("config", "ls", "--quiet") == ""
