"""The log shipper, keeper and store of this checkout, as a separate project."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from tests.support.lease import subnets
from tests.support.leftovers import RUN
from tests.support.project import IMAGE, REPOSITORY

Json = dict[str, Any]

LABELS = "com.docker.compose.project,com.docker.compose.service"
FILES = ("docker-compose.monitoring.yml", "docker-compose.monitoring.packages.yml")


def talker(script: str, **options: str) -> Json:
    """A service that runs this script; the options apply to its log file."""
    logging = {"driver": "json-file", "options": {"labels": LABELS, **options}}
    return {"image": IMAGE, "init": True, "command": ["bash", "-c", script], "logging": logging}


def small_networks() -> dict[str, Json]:
    """The networks of the files, outside of the thirty or so that an engine assigns by itself.

    Compose creates all of them, even if few services are started.
    """
    files = [yaml.safe_load((REPOSITORY / "docker" / name).read_text()) for name in FILES]
    names = dict.fromkeys(("default", *(name for file in files for name in file.get("networks", ()))))
    free = subnets()
    assert len(names) <= len(free)
    return {name: {"ipam": {"config": [{"subnet": subnet}]}} for name, subnet in zip(names, free, strict=False)}


class Logs:
    """The containers of the project, and their lines in the store."""

    def __init__(self, folder: Path, services: Mapping[str, Json], **environment: str) -> None:
        self.name = f"logs-{RUN}-{uuid.uuid4().hex[:8]}"
        ports = dict.fromkeys(("ELASTICSEARCH_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT"), "0")
        self.environment = {"COMPOSE_PROJECT_NAME": self.name, **ports, **environment}
        # A free port, for the test.
        elasticsearch: Json = {"ports": ["127.0.0.1::9200"]}
        self._overlay = folder / "overlay.json"
        model: Json = {
            "services": {**services, "elasticsearch": elasticsearch},
            "networks": small_networks(),
        }
        text = json.dumps(model).replace("$", "$$")
        self._overlay.write_text(text)

    def start(self, *services: str) -> None:
        """Start these one by one, each when the one before is healthy."""
        for name in services:
            self.compose("up", "--detach", "--no-deps", name)
            assert until(600, self.is_healthy(name)), self.docker("logs", name)

    def stop(self) -> None:
        """Remove everything."""
        self.compose("down", "--volumes", "--timeout", "3", "--remove-orphans")

    def compose(self, *words: str) -> str:
        """Run compose; return its output."""
        chosen = [word for name in FILES for word in ("-f", str(REPOSITORY / "docker" / name))]
        argv = ["docker", "compose", *chosen, "-f", str(self._overlay), *words]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def docker(self, verb: str, service: str, *words: str) -> str:
        """Run a docker command on the container of a service; return its output."""
        argv = ["docker", verb, f"{self.name}-{service}-1", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def is_healthy(self, service: str) -> Callable[[], bool]:
        """A condition for `until`."""
        return lambda: self.docker("inspect", service, "--format", "{{.State.Health.Status}}").strip() == "healthy"

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """Send a request to the store, whose port changes with each start."""
        address = self.compose("port", "elasticsearch", "9200")
        request = urllib.request.Request(
            f"http://{address}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.loads(response.read() or b"null")

    def messages(self, service: str, index: str = "logs-*") -> list[str]:
        """The lines of a service in the store, in order."""
        found = self.ask(
            "POST",
            f"/{index}/_search?ignore_unavailable=true",
            {
                "size": 10_000,
                "_source": ["message"],
                "query": {"term": {"compose.service": service}},
                "sort": [{"@timestamp": "asc"}, {"sequence": "asc"}],
            },
        )
        return [hit["_source"]["message"] for hit in found["hits"]["hits"]]

    def indices(self) -> set[str]:
        """The names of all indices."""
        return {one["index"] for one in self.ask("GET", "/_cat/indices?format=json")}


def until(seconds: float, done: Callable[[], bool]) -> bool:
    """Whether the condition became true within this time; an error counts as false."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if done():
                return True
        except (OSError, AssertionError):
            pass  # the store is restarting
        time.sleep(1)
    return False
