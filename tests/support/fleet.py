"""The whole platform as a stack on three engines, driven by `inv` on the manager."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.load import Shot
from tests.support.platform import SHIFT, PlatformUnderTest, moment
from tests.support.project import REPOSITORY
from tests.support.three_engines import Cluster, three_engines
from tests.support.topics import reader, topics_of

Json = dict[str, Any]

_FILES = (
    "docker-compose.yml",
    "docker-compose.prod.yml",
    "docker-compose.packages.yml",
    "docker-compose.prod.packages.yml",
)
# Three machines share the processors of one.
_SETTINGS = {"GATE_TIMEOUT": "1200", "CLEAR_TEXT": "accepted"}


_RECORDS = "SELECT id FROM record"


@dataclass(frozen=True)
class Stage:
    """Services that start together: when the first task of them was created, and when the last one was ready."""

    services: tuple[str, ...]
    first: datetime
    ready: datetime


@dataclass(frozen=True)
class Fleet:
    """The machines, and the platform on them."""

    cluster: Cluster
    platform: PlatformUnderTest

    @property
    def name(self) -> str:
        """The project, and the stack."""
        return self.platform.name

    def base(self, machine: str) -> str:
        """Where the front of a machine answers."""
        return f"http://{self.cluster.machine(machine).address}:{self.platform.ports['GATEWAY_PORT']}"

    def deploy(self, **settings: str) -> str:
        """`inv deploy` with these settings from now on; its output."""
        self.platform.environment |= settings
        return self.platform.expect(0, "deploy", "--yes", timeout=1800)

    def status(self) -> tuple[int, Json]:
        """The exit code and the document of `inv status --json`."""
        code, output = self.platform.inv("status", "--json")
        return code, json.loads(output[output.index("{") :])

    def replicas(self, service: str) -> dict[str, str]:
        """Container -> its node, of the healthy replicas that the engines which are on have."""
        found: dict[str, str] = {}
        for one in self.cluster.machines:
            if one.process is not None:
                flags = ("--filter", f"name={self.name}_{service}.", "--filter", "health=healthy")
                found |= dict.fromkeys(one.docker("ps", "--quiet", *flags).split(), one.name)
        return found

    def services(self) -> tuple[str, ...]:
        """The services that run: all but those that prepare something and end."""
        names = self.cluster.manager.docker("service", "ls", "--format", "{{.Name}}").split()
        return tuple(sorted(name.removeprefix(f"{self.name}_") for name in names if not name.endswith("front-data")))

    def started(self) -> list[Stage]:
        """The stages, each with the times of its first task and of the last one of those that are there now."""
        tasks: dict[str, list[Json]] = {}
        names = self.cluster.manager.docker("service", "ls", "--format", "{{.ID}} {{.Name}}").splitlines()
        services = {line.split()[0]: line.split()[1].removeprefix(f"{self.name}_") for line in names}
        ids = self.cluster.manager.docker("service", "ps", "--no-trunc", "--quiet", *services).split()
        for one in json.loads(self.cluster.manager.docker("inspect", "--type=task", *ids)):
            short = next(name for id_, name in services.items() if one["ServiceID"].startswith(id_))
            tasks.setdefault(short, []).append(one)
        stages = []
        for names_of_one in self.stages:
            mine = [one for name in names_of_one for one in tasks[name]]
            first = min(moment(one["CreatedAt"]) for one in mine)
            done = [one["Status"] for one in mine if one["Status"]["State"] in {"running", "complete"}]
            stages.append(Stage(names_of_one, first, max(moment(one["Timestamp"]) for one in done)))
        return stages

    @property
    def stages(self) -> list[tuple[str, ...]]:
        """The services of each stage, as `inv deploy` reports them."""
        output = self.platform.expect(0, "deploy", "--yes", "--json", timeout=1800)
        events = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
        return [tuple(one["services"]) for one in events if one["event"] == "StageReady"]

    def variant(self, service: str, tag: str, *instructions: str) -> str:
        """Another image of a service on the manager, with these instructions of a Dockerfile; its name."""
        manager, name = self.cluster.manager, f"rofecare/{service}:{tag}"
        made = manager.docker("create", f"rofecare/{service}:reference")
        changes = [word for one in (f"LABEL variant={tag}", *instructions) for word in ("--change", one)]
        manager.docker("commit", *changes, made, name)
        manager.docker("rm", made)
        return name

    @staticmethod
    def identity(shot: Shot) -> str:
        """The id of a record that was acknowledged."""
        return str(json.loads(shot.answer)["id"])

    def rows(self, database: str) -> set[str]:
        """The ids of all records in a database."""
        name = f"rofecare_{database}"
        return set(self.inside(f"{database}-db", "psql", "-U", "rofecare", "-d", name, "-Atc", _RECORDS).split())

    def without_message(self, service: str, ids: set[str]) -> set[str]:
        """Those of the records of which not every topic of their service has a message."""
        topics = topics_of(service)
        sent = Counter(self.inside("kafka", *reader(topics)).split())
        return {one for one in ids if sent[one] < len(topics)}

    def inside(self, service: str, *argv: str) -> str:
        """Run a program in a replica; its standard output."""
        container, node = next(iter(self.replicas(service).items()))
        return self.cluster.machine(node).docker("exec", container, *argv)


@contextmanager
def fleet(folder: Path, *, managers: int = 1, **settings: str) -> Iterator[Fleet]:
    """Three machines with the images on the first one; nothing is deployed yet."""
    argv = ["docker", "compose", *(word for file in _FILES for word in ("-f", str(REPOSITORY / "docker" / file)))]
    names = subprocess.run([*argv, "config", "--images"], capture_output=True, text=True, check=True).stdout.split()
    with three_engines(managers) as cluster:
        cluster.manager.lend(sorted({*names, "rofecare/lock:1"}))
        platform = PlatformUnderTest(
            folder, f"rofecare-fleet-{SHIFT}", engine=cluster.manager.host, inside=cluster.manager.inside
        )
        platform.environment |= {**cluster.environment, **_SETTINGS, **settings}
        yield Fleet(cluster, platform)
