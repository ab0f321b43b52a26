"""Builds images on this machine: base images first, then every image whose inputs changed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.compose import Compose
from rofecare_infra.engine import Engine
from rofecare_infra.errors import CommandError
from rofecare_infra.images.arguments import build_arguments
from rofecare_infra.images.fetch import fetch
from rofecare_infra.images.inputs import fingerprint
from rofecare_infra.images.lockfile import read as read_lock
from rofecare_infra.images.resolve import Sources
from rofecare_infra.platform import Service
from rofecare_infra.process import Result, stream
from rofecare_infra.progress import Event, ImageDone, Note, Working, output_of
from rofecare_infra.settings import Settings

BASE_IMAGE = "rofecare/base:trixie"
# Compose services of this profile are base images of others; no containers are created from them.
PROFILE = "images"
# Folders beside a checkout that its build also reads.
_SHARED = ("pom.xml", "rofecare-parent", "rofecare-common")


@dataclass(frozen=True)
class BuildReport:
    """The outcome of each image: built, up to date or failed."""

    built: tuple[str, ...] = ()
    current: tuple[str, ...] = ()
    # Image -> the last lines of its build.
    failed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The images that are applications.
    applications: frozenset[str] = frozenset()

    @property
    def summary(self) -> str:
        """The counts of each outcome, applications first."""
        everything = {*self.built, *self.current, *self.failed}
        groups = (("applications", self.applications), ("other images", everything - self.applications))
        return "; ".join(f"{name}: {self._count(group)}" for name, group in groups if group & everything)

    def raise_if_failed(self) -> None:
        """Raise CommandError where an image could not be built."""
        if self.failed:
            raise CommandError(
                f"{', '.join(self.failed)} could not be built",
                seen=self.summary,
                expected="every image built",
                next_step="fix the cause below, then run inv build again: images that were built are kept",
                details=[
                    line
                    for image, tail in self.failed.items()
                    for line in (f"last lines of {image}:", *(f"| {one}" for one in tail))
                ],
            )

    def _count(self, group: Collection[str]) -> str:
        counts = {"built": self.built, "up to date": self.current, "failed": self.failed}
        return ", ".join(f"{sum(image in group for image in found)} {word}" for word, found in counts.items())


@dataclass(frozen=True)
class _Job:
    """One image to build; several services may share it."""

    image: str
    services: tuple[str, ...]
    origin: str
    inputs: str
    arguments: tuple[tuple[str, str], ...] = ()


class _Records:
    """Image -> the inputs of its last build, on disk; an image that was replaced since is not current."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self._path = path
        self._engine = engine
        try:
            self._known: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._known = {}  # the cache of the builder then decides

    def is_current(self, image: str, inputs: str) -> bool:
        local = self._engine.image(image)
        return local is not None and self._known.get(image) == {"inputs": inputs, "id": local.id}

    def remember(self, image: str, inputs: str) -> None:
        local = self._engine.image(image)
        self._known[image] = {"inputs": inputs, "id": local.id if local else ""}
        state.make_folder(self._path.parent)
        state.replace(self._path, json.dumps(self._known, indent=1))


def missing(sources: Sources, image: Callable[[str], object | None], services: Iterable[Service]) -> tuple[str, ...]:
    """The services whose image is built on this machine and does not exist."""
    return tuple(one.name for one in services if sources.is_built(one) and image(one.image) is None)


def build(
    settings: Settings, sources: Sources, engine: Engine, names: Sequence[str]
) -> Generator[Event, None, BuildReport]:
    """Build the images of these services. If one fails, the others are still built; the report contains both."""
    records = _Records(settings.state_folder / "builds.json", engine)
    compose = _with_certificates(settings, sources.compose)
    below = _profile_services(compose, sources)
    if sources.infrastructure == "packages":
        yield from _foundations(settings, compose, engine, records, below)
    bases = [_id(engine, image) for image in (BASE_IMAGE, *(service.image for service in below))]
    jobs = _jobs(settings, sources, names, bases)
    stale = [job for job in jobs if not records.is_current(job.image, job.inputs)]
    current = [job for job in jobs if job not in stale]
    for job in current:
        yield ImageDone(job.image, job.services, "up to date", 0.0)
    yield from _fetch_bases(settings, engine, stale)
    built: list[str] = []
    failed: dict[str, tuple[str, ...]] = {}
    for batch in _batches(stale):
        outcomes = yield from _build_batch(compose, batch)
        for job, tail in outcomes.items():
            if tail is None:
                records.remember(job.image, job.inputs)
                built.append(job.image)
            else:
                failed[job.image] = tail
    applications = frozenset(job.image for job in jobs if job.origin)
    return BuildReport(tuple(built), tuple(job.image for job in current), failed, applications)


def _fetch_bases(settings: Settings, engine: Engine, jobs: Iterable[_Job]) -> Generator[Event, None, None]:
    """Pull the base images with a recorded digest; the builder would pull whatever their tags refer to."""
    lock = read_lock(settings)
    for image in dict.fromkeys(value for job in jobs for _, value in job.arguments):
        if lock.pinned(image) and engine.image(image) is None:
            yield from fetch(image, "a build", state.SYSTEM_CLOCK, engine, lock)


def _batches(jobs: Sequence[_Job]) -> list[list[_Job]]:
    """Reference services share one build, so they form one batch; each checkout is a batch of its own."""
    reference = [job for job in jobs if job.origin == "reference"]
    return [*([reference] if reference else []), *([job] for job in jobs if job.origin != "reference")]


def _build_batch(compose: Compose, batch: Sequence[_Job]) -> Generator[Event, None, dict[_Job, tuple[str, ...] | None]]:
    """Build the batch; return job -> None if it was built, else the last lines. Split a batch that fails."""
    began = time.monotonic()
    # Compose writes the service's name into the image: always choose the same of the services that share it.
    images = {min(job.services): job.image for job in batch}
    yield Working(f"building {', '.join(job.image for job in batch)}")
    arguments = {min(job.services): dict(job.arguments) for job in batch if job.arguments}
    result = yield from _run_build(compose, images, arguments)
    if not result.ok and len(batch) > 1:
        outcomes: dict[_Job, tuple[str, ...] | None] = {}
        for job in batch:
            outcomes.update((yield from _build_batch(compose, [job])))
        return outcomes
    seconds = time.monotonic() - began
    for job in batch:
        yield ImageDone(job.image, job.services, "built" if result.ok else "failed", seconds)
    return dict.fromkeys(batch, None if result.ok else _cause(result))


def _run_build(
    compose: Compose, images: Mapping[str, str], arguments: Mapping[str, Mapping[str, str]]
) -> Generator[Event, None, Result]:
    result = yield from output_of(compose.build(images, profiles=[PROFILE], arguments=arguments))
    for line in result.stderr.splitlines():
        _, mark, text = line.partition("rofecare: ")
        if mark and "echo" not in line:  # a message of our Dockerfiles, such as a failed training
            yield Note(text)
    return result


def _cause(result: Result) -> tuple[str, ...]:
    """The last lines of a build, without the separators of the builder."""
    return tuple(line for line in result.tail(40) if not line.startswith(("---", "===")))[-20:]


def _foundations(
    settings: Settings, compose: Compose, engine: Engine, records: _Records, services: Sequence[Service]
) -> Generator[Event, None, None]:
    """Build the base images of the packaged ones, in order."""
    script = settings.docker_folder / "images" / "base" / "make-base.sh"
    inputs = fingerprint({}, [script], [])
    if engine.image(BASE_IMAGE) is None:
        began = time.monotonic()
        yield Working(f"building {BASE_IMAGE} from distribution packages (half a minute)")
        yield from output_of(stream(["bash", str(script), BASE_IMAGE]))
        records.remember(BASE_IMAGE, inputs)
        yield ImageDone(BASE_IMAGE, (BASE_IMAGE,), "built", time.monotonic() - began)
    below = [_id(engine, BASE_IMAGE)]
    for service in services:
        definition = service.build or {}
        inputs = fingerprint(definition, _contexts(definition), below)
        if not records.is_current(service.image, inputs):
            outcome = yield from _build_batch(compose, [_Job(service.image, (service.name,), "packages", inputs)])
            for tail in outcome.values():
                if tail is not None:
                    raise CommandError(
                        f"image {service.image} cannot be built",
                        seen="its build failed",
                        expected="the base image of other images",
                        next_step=f"correct the cause below, then inv build {service.name}",
                        details=tail,
                    )
            records.remember(service.image, inputs)
        below.append(_id(engine, service.image))


def _profile_services(compose: Compose, sources: Sources) -> tuple[Service, ...]:
    usual = {service.name for service in sources.platform.services}
    extra = [service for service in compose.model(profiles=[PROFILE]).services if service.name not in usual]
    # A base image may depend on another one.
    return tuple(sorted(extra, key=lambda service: len(service.depends_on)))


def _id(engine: Engine, image: str) -> str:
    local = engine.image(image)
    return local.id if local is not None else ""


def _jobs(settings: Settings, sources: Sources, names: Sequence[str], bases: Sequence[str]) -> list[_Job]:
    jobs: dict[str, _Job] = {}
    for name in names:
        service = sources.platform.service(name)
        if not sources.is_built(service) or service.build is None:
            continue
        origin = sources.applications.get(name, "")
        others = jobs[service.image].services if service.image in jobs else ()
        checkout = settings.workspace / str(service.checkout)
        own = [checkout, *(settings.workspace / part for part in _SHARED)] if origin == "source" else []
        # The location of the workspace is not an input; the files that the build reads are.
        contexts = {key: value for key, value in _named_contexts(service.build).items() if key != "workspace"}
        definition = {**service.build, "additional_contexts": contexts, "origin": origin}
        inputs = fingerprint(definition, [*_contexts(definition), *own], bases)
        arguments = {**build_arguments(service), **({"ORIGIN": origin} if origin in {"source", "reference"} else {})}
        jobs[service.image] = _Job(service.image, (*others, name), origin, inputs, tuple(arguments.items()))
    return list(jobs.values())


def _contexts(definition: Mapping[str, object]) -> list[Path]:
    """The folders that a build reads."""
    context = Path(str(definition["context"]))
    dockerfile = context / str(definition.get("dockerfile", "Dockerfile"))
    named = [Path(str(path)) for path in _named_contexts(definition).values()]
    return [path for path in (context, dockerfile.resolve().parent, *named) if path.exists()]


def _named_contexts(definition: Mapping[str, object]) -> Mapping[str, object]:
    named = definition.get("additional_contexts")
    return named if isinstance(named, Mapping) else {}


def _with_certificates(settings: Settings, compose: Compose) -> Compose:
    """Give the builds this machine's certificates, or an empty file if it has none."""
    bundle = settings.ca_bundle
    if bundle is None or not bundle.is_file():
        bundle = settings.state_folder / "no-certificates.pem"
        state.make_folder(bundle.parent)
        bundle.touch()
        state.give(bundle)
    return compose.with_variables({"CA_BUNDLE": str(bundle)})
