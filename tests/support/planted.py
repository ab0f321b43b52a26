"""Faults that are planted in copies of containers of a running platform, and the logs that they leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).resolve().parents[1] / "recorded"
# A program that does not end has logged its cause by then.
_PATIENCE = 90.0
_LINES = 400


@dataclass(frozen=True)
class Fault:
    """A fault of a service: what is different, and part of what the diagnosis says."""

    name: str
    service: str
    cause: str
    image: str = ""
    script: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def log(self) -> list[str]:
        """The recorded log."""
        return (RECORDED / f"{self.name}.log").read_text(encoding="utf-8").splitlines()


def faults() -> list[Fault]:
    """All faults of the table."""
    table = tomllib.loads((RECORDED / "faults.toml").read_text(encoding="utf-8"))
    return [Fault(name, **fields) for name, fields in table.items()]


def provoke(project: str, fault: Fault, patience: float = _PATIENCE) -> list[str]:
    """Run a copy of the service's container with the fault; return its log when it ends, or after `patience`."""
    name = f"{project}-planted-{fault.name}"
    argv = ["docker", "run", "--detach", "--name", name, *_like(project, fault)]
    try:
        subprocess.run(argv, check=True, capture_output=True, text=True)
        end = time.monotonic() + patience
        while time.monotonic() < end and _output("docker", "inspect", "-f", "{{.State.Running}}", name) == "true":
            time.sleep(0.5)
        done = subprocess.run(
            ["docker", "logs", "--tail", str(_LINES), name],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()
    finally:
        subprocess.run(["docker", "rm", "--force", "--volumes", name], capture_output=True, check=False)


def _like(project: str, fault: Fault) -> list[str]:
    """The words of `docker run` for a copy: the same image, variables and files, on the same networks, without data."""
    variables = dict(fault.environment)
    words: list[str] = []
    image = fault.image
    command: list[str] = []
    if not image:
        one: dict[str, Any] = json.loads(_output("docker", "inspect", f"{project}-{fault.service}-1"))[0]
        image = one["Image"]
        variables = dict(line.partition("=")[::2] for line in one["Config"]["Env"]) | variables
        words += ["--user", one["Config"]["User"]]
        for network in one["NetworkSettings"]["Networks"]:
            words += ["--network", network]
        for mount in one["Mounts"]:
            target = mount["Destination"]
            words += ["--volume", f"{mount['Source']}:{target}:ro" if mount["Type"] == "bind" else target]
        command = one["Config"]["Cmd"] or []
    for key, value in variables.items():
        words += ["--env", f"{key}={value}"]
    if fault.script:
        return [*words, "--entrypoint", "bash", image, "-c", fault.script]
    return [*words, image, *command]


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    wanted = sys.argv[1:]
    for one in faults():
        if not wanted or one.name in wanted:
            lines = provoke(os.environ["COMPOSE_PROJECT_NAME"], one)
            (RECORDED / f"{one.name}.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
            sys.stdout.write(f"{one.name}: {len(lines)} lines\n")
