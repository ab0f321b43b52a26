"""A checkout whose compose and engine are stand-ins: what opening a project needs, without either."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.compose import command
from rofecare_infra.process import Result
from rofecare_infra.project import opened
from tests.support.fakes import FakeEngine

FILE = "services: {a: {ports: ['127.0.0.1:${A_PORT:-80}:80']}, b: {ports: ['127.0.0.1:${B_PORT:-81}:80']}}"


class Checkout:
    """A checkout whose compose returns the given answers."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.folder = root / "docker"
        self.folder.mkdir()
        (self.folder / "docker-compose.yml").write_text(FILE)
        self.refusal = ""
        self.env: Mapping[str, str] = {}
        for name in ("SECRETS_DIR", "A_PORT", "B_PORT", "GATE_TIMEOUT", "COMPOSE_PROJECT_NAME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr(command, "run", self.run)
        self.engine = FakeEngine()
        monkeypatch.setattr(opened, "connect", lambda: self.engine)

    def write(self, text: str) -> None:
        (self.root / ".env").write_text(text)

    def run(self, _argv: list[str], *, env: Mapping[str, str], **_options: Any) -> Result:
        self.env = env
        if self.refusal:
            return Result((), 1, "", self.refusal)
        ports = {"a": env.get("A_PORT", "80"), "b": env.get("B_PORT", "81")}
        for line in (self.root / ".env").read_text().splitlines() if (self.root / ".env").exists() else ():
            name, _, value = line.partition("=")
            if name.endswith("_PORT") and name not in env:
                ports[name[0].lower()] = value
        model = {
            "name": "rofecare",
            "services": {
                name: {
                    "image": name,
                    "ports": [{"host_ip": "127.0.0.1", "published": port, "target": 80}],
                    "labels": {"com.rofecare.phase": "infrastructure"},
                    "healthcheck": {"test": ["CMD", "true"]},
                    "secrets": [{"source": f"{name}_password"}],
                    "volumes": [{"type": "volume", "source": f"{name}-data"}],
                }
                for name, port in ports.items()
            },
            "secrets": {f"{name}_password": {"file": f"{env['SECRETS_DIR']}/{name}_password"} for name in ports},
            "volumes": {f"{name}-data": {"name": f"rofecare_{name}-data"} for name in ports},
        }
        return Result((), 0, json.dumps(model), "")
