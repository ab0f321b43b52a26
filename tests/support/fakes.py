"""Stand-ins for what unit tests must not touch: the clock, the engine, compose."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from rofecare_infra.compose import PACKAGES, Compose
from rofecare_infra.engine import LABEL_PROJECT, LABEL_VOLUME, Container, Death, Engine, Image, Machine, Membership
from rofecare_infra.errors import RofecareError
from rofecare_infra.images import Sources
from rofecare_infra.platform import Platform, Port, Service
from rofecare_infra.process import Result
from rofecare_infra.project import Project
from rofecare_infra.settings import Assignment, Settings
from rofecare_infra.state import Clock

T = TypeVar("T")
Y = TypeVar("Y")

IMAGE_ID = "sha256:1"


class FakeClock:
    """A clock that moves only when the code under test sleeps, or when a test sets `time`."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    @property
    def clock(self) -> Clock:
        """The value to pass in; Unix time is the same as the monotonic time."""
        return Clock(self, self.sleep, self)

    def __call__(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        """Pass the time at once."""
        self.slept.append(seconds)
        self.time += seconds


def service(name: str = "db", phase: str = "infrastructure", /, **more: object) -> Service:
    """A service with a health check and an image of its own."""
    return replace(Service(name=name, phase=phase, image=f"image/{name}:1"), **more)  # type: ignore[arg-type]


def container(name: str = "db", /, **more: object) -> Container:
    """The healthy container of the service of this name, made of what is there now."""
    healthy = Container(
        id=f"id-{name}",
        name=f"rofecare-{name}-1",
        service=name,
        status="running",
        health="healthy",
        config_hash=f"hash-{name}",
        image_id=IMAGE_ID,
        labels={LABEL_PROJECT: "rofecare"},
    )
    return replace(healthy, **more)  # type: ignore[arg-type]


class FakeEngine(Engine):
    """Containers and images in memory. Each look shows the next of `looks`, as long as there is one."""

    def __init__(self, containers: Iterable[Container] = (), images: Iterable[str] = ()) -> None:
        self.present = list(containers)
        self.looks: Sequence[Sequence[Container] | RofecareError] = ()
        self.images = {name: Image(IMAGE_ID) for name in images}
        self.volume_names: list[str] = []
        # Labels of volumes; those in `volume_names` have the labels of compose.
        self.labels: dict[str, Mapping[str, str]] = {}
        # Bytes in volumes; one volume that is not named here is not empty.
        self.sizes: dict[str, int] = {}
        # Project -> the files that its containers mount.
        self.mounted: dict[str, set[str]] = {}
        self.stopped: list[str] = []
        self.deaths: dict[str, Death] = {}
        self.log: dict[str, tuple[str, ...]] = {}
        self.publishers: dict[int, Container] = {}
        self.asked_for_images: list[str] = []
        self.restarted: list[str] = []
        # Service -> how its container looks after it was started again; healthy unless named.
        self.outcome: dict[str, Container] = {}
        # Container and path of each file that is there.
        self.files: set[tuple[str, str]] = set()
        # What became of a container that was asked to stop.
        self.exit_codes: dict[str, int] = {}
        self.now: datetime | None = None
        # Of the stack of the project.
        self.stack: list[Mapping[str, object]] = []

    @contextmanager
    def awake(self, project: str, clock: Clock) -> Iterator[Clock]:
        """The same clock: a fake one only moves when it sleeps."""
        assert project
        yield clock

    def containers_of(self, project: str, services: Collection[str]) -> tuple[Container, ...]:
        """Those of these services."""
        return tuple(one for one in self.containers(project) if one.service in services)

    def containers(self, project: str) -> tuple[Container, ...]:
        """The next look, else what is there."""
        assert project
        if self.looks:
            seen, *self.looks = self.looks
            if isinstance(seen, RofecareError):
                raise seen
            self.present = list(seen)
        return tuple(self.present)

    def inspect(self, container: str) -> Container | None:
        """One of the containers."""
        return next((one for one in self.present if container in {one.id, one.name}), None)

    def publisher(self, port: int) -> Container | None:
        """The container that the test set."""
        return self.publishers.get(port)

    def image(self, name: str) -> Image | None:
        """An image that the test put there."""
        self.asked_for_images.append(name)
        return self.images.get(name)

    def tag(self, image: str, name: str) -> None:
        """Another name for it."""
        self.images[name] = Image(image)

    def identity(self) -> str:
        """Always the same."""
        return "an:engine"

    def stack_services(self, project: str) -> tuple[Mapping[str, object], ...]:
        """Those of the test."""
        assert project
        return tuple(self.stack)

    def membership(self) -> Membership:
        """A manager if there is a stack."""
        return Membership("active" if self.stack else "inactive", bool(self.stack), "")

    def configs(self, label: str) -> dict[str, Mapping[str, str]]:
        """None."""
        del label
        return {}

    def machine(self) -> Machine:
        """A machine with everything."""
        return Machine("28.0.0", 4, 16 << 30, "/var/lib/docker", (("10.200.0.0/16", 24),))

    def networks(self) -> dict[str, tuple[str, ...]]:
        """None."""
        return {}

    def time(self) -> datetime | None:
        """The time that the test set."""
        return self.now

    def mounted_files(self) -> dict[str, set[str]]:
        """The value that the test set."""
        return self.mounted

    def last_death(self, container: str) -> Death | None:
        """The value that the test set."""
        return self.deaths.get(container)

    def log_tail(self, container: str, lines: int) -> tuple[str, ...]:
        """The value that the test set."""
        return self.log.get(container, ())[-lines:]

    def memory(self, container: str) -> int | None:
        """The same for all."""
        return 2**20 if self.inspect(container) else None

    def has_file(self, container: str, path: str) -> bool:
        """Whether the test or the code under test made it."""
        return (container, path) in self.files

    def stop(self, container: str) -> None:
        """Ends at once."""
        self.stopped.append(container)
        code = self.exit_codes.get(container, 0)
        self.present = [
            replace(one, status="exited", exit_code=code, health=None, finished_at="now")
            if one.id == container
            else one
            for one in self.present
        ]

    def remove(self, container: str, **_force: bool) -> None:
        """Forget it."""
        self.present = [one for one in self.present if one.id != container]

    def reserve(self, name: str, labels: Mapping[str, str]) -> bool:
        """One container of each name."""
        if self.inspect(name):
            return False
        self.present.append(Container(f"id-{name}", name, "", "created", labels=labels))
        return True

    def start(self, container: str) -> None:
        """Is healthy at once, unless the test says otherwise."""
        self.restarted.append(container)
        self.present = [
            self.outcome.get(one.service, replace(one, status="running", health="healthy", exit_code=0))
            if one.id == container
            else one
            for one in self.present
        ]

    def volume_labels(self, *filters: str) -> dict[str, Mapping[str, str]]:
        """Those that the test or the code under test named or labelled."""
        return {
            name: labels
            for name, labels in self._volumes().items()
            if any(each in {*labels, *(f"{key}={value}" for key, value in labels.items())} for each in filters)
        }

    def volumes_named(self, prefix: str) -> dict[str, Mapping[str, str]]:
        """The same, by their names."""
        return {name: labels for name, labels in self._volumes().items() if name.startswith(prefix)}

    def _volumes(self) -> dict[str, Mapping[str, str]]:
        parts = {name: name.partition("_") for name in self.volume_names}
        ours = {name: {LABEL_PROJECT: one[0], LABEL_VOLUME: one[2]} for name, one in parts.items()}
        return {**ours, **self.labels}

    def volume_sizes(self) -> dict[str, int]:
        """One byte, unless the test says otherwise."""
        return {**dict.fromkeys((*self.volume_names, *self.labels), 1), **self.sizes}

    def label_volume(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        """Keep it in memory."""
        return self.labels.setdefault(name, dict(labels))

    def users_of(self, volume: str) -> tuple[str, ...]:
        """No container, as far as it is here."""
        return tuple(one.name for one in self.present if volume in one.name)

    def remove_volume(self, name: str) -> None:
        """Forget it."""
        self.labels.pop(name, None)
        if name in self.volume_names:
            self.volume_names.remove(name)


@dataclass(frozen=True)
class FakeCompose(Compose):
    """Answers with models that the test made; `up` starts containers in the fake engine."""

    upstream: Platform = field(default_factory=lambda: Platform("rofecare", ()))
    packaged: Platform | None = None
    engine: FakeEngine = field(default_factory=FakeEngine)
    started: list[tuple[str, ...]] = field(default_factory=list)
    downed: list[str] = field(default_factory=list)
    # What `hashes` was asked to compare with.
    compared: list[frozenset[str]] = field(default_factory=list)
    # Service -> how its container looks after it was started; healthy unless named.
    outcome: Mapping[str, Container] = field(default_factory=dict)
    # What was to be created without a start, and whether that succeeds.
    created: list[tuple[str, ...]] = field(default_factory=list)
    creates: bool = False
    # What `up` prints when it fails.
    refusal: tuple[str, ...] = ()

    def model(self, *, profiles: Sequence[str] = ()) -> Platform:
        """The packaged model with the overlay, the plain one without."""
        assert not isinstance(profiles, str)
        return self.packaged if self.packaged is not None and PACKAGES in self.files else self.upstream

    def hashes(self, platform: Platform, carried: Collection[str]) -> dict[str, frozenset[str]]:
        """Two hashes a service, always the same."""
        self.compared.append(frozenset(carried))
        return {one.name: frozenset({f"hash-{one.name}", f"other-{one.name}"}) for one in platform.services}

    def up(self, services: Sequence[str]) -> Generator[str, None, Result]:
        """Start the containers of these services, or refuse."""
        self.started.append(tuple(services))
        yield f"Container {services[0]}  Started"
        if self.refusal:
            return Result(("docker",), 1, "", "\n".join(self.refusal))
        others = [one for one in self.engine.present if one.service not in services]
        self.engine.present = [*others, *(self.outcome.get(name, container(name)) for name in services)]
        return Result(("docker",), 0, "", "")

    def create(self, services: Sequence[Service]) -> Generator[str, None, Result]:
        """Create containers of these services if the test wants that; otherwise fail."""
        self.created.append(tuple(one.name for one in services))
        yield f"Container {services[0].name}  Created"
        if self.creates:
            self.engine.present += [container(one.name, status="created", health=None) for one in services]
        return Result(("docker",), 0 if self.creates else 1, "", "")

    def down(self, project: str) -> Result:
        """Remove all containers."""
        self.downed.append(project)
        self.engine.present = []
        return Result(("docker",), 0, "", "")


def settings(root: Path = Path("/nowhere"), **values: str) -> Settings:
    """Settings as if they had been written into `.env`."""
    return Settings(root, {name: Assignment(value, ".env line 1") for name, value in values.items()})


def project_of(services: Sequence[Service], engine: FakeEngine, /, **more: object) -> Project:
    """Everything ready for a start of these services, whose images are all there."""
    platform = Platform("rofecare", tuple(services))
    engine.images |= {one.image: Image(IMAGE_ID) for one in services}
    compose = FakeCompose(Path("/nowhere"), upstream=platform, engine=engine)
    compose = replace(compose, **more)  # type: ignore[arg-type]
    return Project(settings(GATE_TIMEOUT="10"), Sources(compose, platform, "registry"), lambda: engine)


def port(published: int, target: int = 5432) -> Port:
    """A port on the loopback address."""
    return Port("127.0.0.1", published, target)


def drain(events: Generator[Y, None, T]) -> tuple[list[Y], T]:
    """All that a generator yields, and its result."""
    seen: list[Y] = []
    while True:
        try:
            seen.append(next(events))
        except StopIteration as end:
            return seen, end.value


def only(found: Iterable[T]) -> T:
    """The one element."""
    rest: Iterator[T] = iter(found)
    first = next(rest)
    assert next(rest, None) is None
    return first
