"""One PostgreSQL that is pinned to a node of a Swarm, as the stack of the platform has it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra import swarm
from rofecare_infra.engine import Engine, Node, Reach, connect, reach
from rofecare_infra.swarm.images import Sent
from tests.support.fakes import drain
from tests.support.images import POSTGRES, ensure
from tests.support.project import REPOSITORY, Project
from tests.support.three_engines import Cluster, three_engines

Json = dict[str, Any]

CONFIG = REPOSITORY / "docker" / "config"
DATA = "/var/lib/postgresql/data"
SERVICE = "db"
LABELS = {"com.rofecare.phase": "infrastructure"}
ENVIRONMENT = {"POSTGRES_PASSWORD": "x", "POSTGRES_USER": "rofecare", "POSTGRES_DB": "rofecare"}


@dataclass(frozen=True)
class PinnedDatabase:
    """The Swarm, a checkout with one database that works on its manager, and the stack with this database."""

    cluster: Cluster
    project: Project
    manager: Engine

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes as the manager sees them now."""
        return swarm.nodes.nodes(self.manager)

    @property
    def ways(self) -> dict[str, Reach]:
        """The way to each engine."""
        return reach.reaches(self.manager, self.nodes)

    @property
    def pinned_to(self) -> str:
        """The node that the database is pinned to."""
        return swarm.placement.pinned(self.project.name, self.nodes).get(SERVICE, "")

    def runs_on(self) -> tuple[str, ...]:
        """The nodes with a running task of the database."""
        return swarm.nodes.runs_on(self.manager, self.project.name, self.nodes).get(SERVICE, ())

    @property
    def image(self) -> str:
        """The name under which the image of the database is sent."""
        return swarm.images.references(self.manager, [POSTGRES])[POSTGRES]

    def send(self, images: Mapping[str, Collection[str]]) -> list[Sent]:
        """Send images to nodes; what arrived."""
        _, sent = drain(swarm.images.provide(images, self.ways))
        return list(sent)

    def deploy(self, *, guarded: bool) -> None:
        """Deploy the stack, with or without the record of where the data is."""
        file = self.cluster.folder / "stack.json"
        file.write_text(json.dumps(self._stack(guarded=guarded)))
        flags = ("--resolve-image=never", "--detach=true", "--compose-file", str(file))
        self.project.docker("stack", "deploy", *flags, self.project.name)

    def ready_on(self, node: str) -> str:
        """The container of the database on this node; empty if there is none, or if it is not healthy."""
        filters = ("--filter", f"name={self.project.name}_{SERVICE}", "--filter", "health=healthy")
        return self.cluster.machine(node).docker("ps", "--quiet", *filters)

    def sql(self, node: str, statement: str) -> str:
        """Run a statement in the database on this node."""
        psql = ("psql", "-U", "rofecare", "-Atc", statement)
        return self.cluster.machine(node).docker("exec", self.ready_on(node), *psql)

    def start_with_rows(self, node: str) -> None:
        """Start it on a node that has its image, with 100 rows; record where the data is, and deploy the record."""
        self.deploy(guarded=False)
        first = wait(f"the database on {node}", lambda: self.ready_on(node))
        self.sql(node, "CREATE TABLE kept AS SELECT generate_series(1, 100) AS id")
        assert swarm.volumes.expect(self.manager, self.project.name, SERVICE, node)
        self.deploy(guarded=True)
        wait("the database with the record", lambda: self.ready_on(node) not in {"", first})
        assert self.rows(node) == 100

    def rows(self, node: str) -> int:
        """How many rows there are; 0 without their table."""
        there = self.sql(node, "SELECT count(*) FROM pg_tables WHERE tablename = 'kept'") == "1"
        return int(self.sql(node, "SELECT count(*) FROM kept")) if there else 0

    def _stack(self, *, guarded: bool) -> Json:
        # By its id: an engine first tries to pull what has a name.
        image = self.manager.image(self.image)
        assert image is not None
        files = {"start": "postgresql/start.sh", "expected": "data/expected.sh"}
        configs: Json = {
            name: {"file": str(CONFIG / path), "name": f"{self.project.name}-{name}"} for name, path in files.items()
        }
        mounted = [
            {"source": "start", "target": "/etc/rofecare/start.sh"},
            {"source": "expected", "target": "/etc/rofecare/data-expected.sh"},
        ]
        if guarded:
            name = swarm.volumes.config_name(self.project.name, SERVICE)
            configs["data"] = {"external": True, "name": name}
            mounted.append({"source": "data", "target": swarm.volumes.TARGET})
        database = {
            "image": image.id,
            "user": "999:999",
            "entrypoint": ["bash", "/etc/rofecare/start.sh"],
            "command": ["postgres"],
            "environment": ENVIRONMENT,
            "labels": LABELS,
            "configs": mounted,
            "volumes": [f"data:{DATA}"],
            "networks": ["inside"],
            "stop_grace_period": "20s",
            "healthcheck": {
                "test": ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "rofecare"],
                "interval": "1s",
                "start_period": "60s",
            },
            "deploy": {
                "endpoint_mode": "dnsrr",
                "placement": {"constraints": [swarm.placement.constraint(self.project.name, SERVICE)]},
                "restart_policy": {"condition": "any", "delay": "1s"},
                "update_config": {"order": "stop-first"},
            },
        }
        return {
            "services": {SERVICE: database},
            "configs": configs,
            "volumes": {"data": {}},
            "networks": {"inside": {"driver": "overlay", "internal": True}},
        }


@contextmanager
def pinned_database(folder: Path) -> Iterator[PinnedDatabase]:
    """Three engines, and a checkout below `folder`. Meanwhile the environment names the manager and its contexts."""
    ensure(POSTGRES)
    described = {
        "image": POSTGRES,
        "environment": ENVIRONMENT,
        "volumes": [f"data:{DATA}"],
        "labels": LABELS,
        "healthcheck": {"test": ["CMD", "true"]},
    }
    with three_engines() as cluster, pytest.MonkeyPatch.context() as patch:
        cluster.manager.lend([POSTGRES])
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        project = Project(folder, {SERVICE: described}, volumes={"data": {}}, networks={})
        project.environment |= cluster.environment
        # Once there is a stack, it is a production platform: its files are read, too.
        for file in ("docker-compose.prod.yml", "docker-compose.swarm.yml"):
            project.write(file, {"services": {}})
        yield PinnedDatabase(cluster, project, connect())


def wait(what: str, seen: Callable[[], object], seconds: float = 60) -> Any:
    """Wait until something is seen; return it."""
    end = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < end, f"never seen: {what}"
        time.sleep(0.3)
    return found
