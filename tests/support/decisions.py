"""A platform in memory that can be interrupted before or after each of its effects, with a client that writes.

An effect is what outlives the command: a container that starts or stops, a file that is replaced, data that changes. A
killed command has no further effects, whatever its handlers try.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra import state
from rofecare_infra.engine import Container, Image
from rofecare_infra.images import Sources
from rofecare_infra.platform import LABEL_HOLD, LABEL_INGRESS, LABEL_PHASE, Platform, Service, is_ingress
from rofecare_infra.process import Result
from rofecare_infra.project import Project
from rofecare_infra.state import Journal
from rofecare_infra.state import journal as journals
from tests.support.fakes import FakeClock, FakeCompose, FakeEngine, container, service, settings

SERVICES = (
    service("db", volumes=("data",), environment={"POSTGRES_DB": "shop"}),
    service("gateway", "spring-cloud", labels={LABEL_INGRESS: "true"}),
    service("app", "business", environment={"URL": "postgresql://db/shop"}),
)
TAGS = ("v1", "v2")
ENV = "# R\udce9glages\nSERVICES_TAG=v1\n"


def _with_hold(ingress: Service) -> Service:
    return replace(ingress, labels={**ingress.labels, LABEL_HOLD: "/data/closed"})


class Killed(BaseException):
    """The end of a command by SIGKILL: each further effect raises it again."""


@dataclass(frozen=True)
class Plan:
    """At which effect something happens: before or after it, and what."""

    number: int
    what: type[BaseException]
    after: bool = False


@dataclass
class Data:
    """The content of the database: its schema and the rows of clients; a restore replaces it by another one."""

    schema: str = "v1"
    rows: list[int] = field(default_factory=list)
    origin: str = "present"

    def copy(self) -> Data:
        """The same, which later writes do not change."""
        return replace(self, rows=list(self.rows))


@dataclass(frozen=True)
class _Compose(FakeCompose):
    """Reads the tag from the settings file, and starts containers with the images that it means."""

    world: Any = None

    def model(self, *, profiles: Sequence[str] = ()) -> Platform:
        """The platform with the image of the tag, or with the images of an extra file."""
        assert not profiles
        tag = self.variables.get("SERVICES_TAG") or self.world.tag
        images = {"db": "db:1", "gateway": "gateway:1", "app": f"app:{tag}"}
        for name in self.files:
            if name.endswith(".json"):
                images |= {
                    one: chosen["image"] for one, chosen in json.loads(Path(name).read_text())["services"].items()
                }
        return replace(
            self.upstream, services=tuple(replace(one, image=images[one.name]) for one in self.world.services)
        )

    def up(self, services: Sequence[str]) -> Generator[str, None, Result]:
        """Start these services; the application brings the data to its own schema."""
        yield f"Container {services[0]}  Started"
        images = {one.name: one.image for one in self.model().services}
        for name in services:
            self.world.effect(partial(self.world.start, name, images[name]))
        return Result(("docker",), 0, "", "")


class _Engine(FakeEngine):
    """Removes containers, and files in them, as an effect."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def remove(self, container: str, **_force: bool) -> None:
        """Forget it."""
        self._world.effect(partial(super().remove, container))


class World:
    """A database, an application, an ingress, and a client that writes whenever it can."""

    def __init__(self, root: Path, *, held: bool = False) -> None:
        self.root = root
        # An ingress that is closed while it runs.
        self.services = tuple(_with_hold(one) if held and is_ingress(one.labels) else one for one in SERVICES)
        (root / ".env").write_bytes(ENV.encode(errors="surrogateescape"))
        self.settings = settings(root, GATE_TIMEOUT="10")
        self.clock = FakeClock()
        self.engine = _Engine(self)
        self.engine.volume_names = ["rofecare_data"]
        self.engine.images = {"db:1": Image("sha256:db"), "gateway:1": Image("sha256:gateway")}
        self.engine.images |= {f"app:{tag}": Image(f"sha256:{tag}") for tag in TAGS}
        self.data = Data()
        self.acknowledged: list[tuple[str, int]] = []
        self.backups: dict[str, Data] = {}
        self.effects = 0
        self.plans: tuple[Plan, ...] = ()
        self.dead = False
        for one in self.services:
            self.start(one.name, "app:v1" if one.name == "app" else f"{one.name}:1")

    @property
    def tag(self) -> str:
        """The tag in the settings file."""
        text = (self.root / ".env").read_bytes().decode(errors="surrogateescape")
        return next(line.partition("=")[2] for line in text.splitlines() if line.startswith("SERVICES_TAG="))

    @property
    def project(self) -> Project:
        """The project, as a new command opens it."""
        compose = _Compose(
            self.root / "docker", upstream=Platform("rofecare", self.services), engine=self.engine, world=self
        )
        return Project(self.settings, Sources(compose, compose.model(), "registry"), lambda: self.engine)

    def start(self, name: str, image: str) -> None:
        """The container of a service, with this image."""
        one: Service = next(one for one in self.services if one.name == name)
        fresh = container(
            name,
            image=image,
            image_id=self.engine.images[image].id,
            started_at=f"1970-01-01T00:{self.clock.time // 60:02.0f}:{self.clock.time % 60:06.3f}Z",
            labels={**one.labels, LABEL_PHASE: one.phase},
        )
        self.engine.present = [*(other for other in self.engine.present if other.service != name), fresh]
        if name == "app":
            self.data = replace(self.data, schema=max(self.data.schema, image.partition(":")[2]))

    def effect(self, action: Callable[[], Any]) -> Any:
        """Do something that outlives the command, unless the command is interrupted here."""
        if self.dead:
            raise Killed
        self.clock.time += 1
        self.effects += 1
        plan = next((one for one in self.plans if one.number == self.effects), None)
        if plan is not None and not plan.after:
            self._interrupt(plan)
        result = action()
        self._write()
        if plan is not None and plan.after:
            self._interrupt(plan)
        return result

    def interrupted_at(self, *plans: Plan) -> None:
        """A new command begins, and will be interrupted like this."""
        self.plans, self.effects, self.dead = plans, 0, False

    def up(self, name: str) -> Container | None:
        """The running container of a service."""
        return next((one for one in self.engine.present if one.service == name and one.is_up), None)

    @property
    def is_open(self) -> bool:
        """Whether the ingress accepts requests."""
        return self.up("gateway") is not None and not self.engine.files

    def shell(self, argv: Sequence[str]) -> Result:
        """Closes or opens the ingress that has a hold; no request is in progress."""
        _docker, _exec, name, *words = argv
        if words[0] == "wget":
            return Result((), 0, 'caddy_http_requests_in_flight{handler="metrics",server="srv0"} 1\n', "")
        change = self.engine.files.add if words[3] == "close" else self.engine.files.discard
        container = self.engine.inspect(name)
        assert container is not None
        self.effect(partial(change, (container.id, words[4])))
        return Result((), 0, "", "")

    def back_up(self, name: str) -> str:
        """Keep the data under this name."""
        self.effect(lambda: self.backups.update({name: self.data.copy()}))
        return name

    def restore(self, name: str) -> None:
        """Replace the data with that of a backup."""
        self.effect(lambda: setattr(self, "data", self.backups[name].copy()))

    def check(self, outcome: str) -> None:
        """The platform is up, in one state, with every row that was acknowledged."""
        assert all(self.up(one.name) for one in self.services), outcome
        assert self.is_open, outcome
        app = self.up("app")
        assert app is not None
        assert (app.image, app.image_id) == (f"app:{self.tag}", f"sha256:{self.tag}"), outcome
        assert self.data.schema == self.tag, outcome
        for origin, row in self.acknowledged:
            assert self.data.origin in {origin, "restored"}, f"{outcome}: the data went back"
            kept = self.data if origin == self.data.origin else self.backups["safety"]
            assert row in kept.rows, f"{outcome}: an acknowledged write is lost"
        env = (self.root / ".env").read_bytes().decode(errors="surrogateescape")
        assert env == ENV.replace("v1", self.tag), outcome

    def _interrupt(self, plan: Plan) -> None:
        self.dead = plan.what is Killed
        raise plan.what("interrupted by the test")

    def _write(self) -> None:
        app = self.up("app")
        if self.is_open and app is not None and self.up("db"):
            self.data.rows.append(self.effects)
            self.acknowledged.append((self.data.origin, self.effects))


class Stage:
    """The present world, and the patches that lead all effects to it."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, *, held: bool = False) -> None:
        self._root = root
        self._held = held
        self._count = 0
        self.monkeypatch = monkeypatch
        self.world: World = self.new()
        monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
        write, clear, stop = state.replace, Journal.clear, FakeEngine.stop

        def together(engine: FakeEngine, group: Sequence[Container], *, awaited: bool = True) -> None:
            assert awaited
            for one in group:
                self.world.effect(partial(stop, engine, one.id))

        def replaced(path: Path, content: str, *, mode: int | None = None) -> None:
            self.world.effect(partial(write, path, content, mode=mode))

        stops = importlib.import_module("rofecare_infra.lifecycle.stop")
        monkeypatch.setattr(stops, "stop_together", together)
        monkeypatch.setattr("rofecare_infra.lifecycle.hold.run", self._shell)
        monkeypatch.setattr("rofecare_infra.lifecycle.inside.run", lambda *_, **__: Result((), 0, "null", ""))
        monkeypatch.setattr(state, "replace", replaced)
        monkeypatch.setattr(journals, "replace", replaced)
        monkeypatch.setattr(Journal, "clear", lambda journal: self.world.effect(partial(clear, journal)))

    def _shell(self, argv: Sequence[str], **_more: object) -> Result:
        return self.world.shell(argv)

    def new(self) -> World:
        """A fresh world, in a folder of its own."""
        self._count += 1
        folder = self._root / str(self._count)
        folder.mkdir()
        self.world = World(folder, held=self._held)
        return self.world


def unchanged(project: Project) -> Generator[Any, None, Project]:
    """Replaces `prepare`: all secrets are there, and the images are known."""
    yield from ()
    return project
