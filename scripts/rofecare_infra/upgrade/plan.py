"""What an upgrade changes: the wanted platform, its images on this machine, and the difference to what runs now."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra import images, swarm
from rofecare_infra.engine import Container
from rofecare_infra.errors import CommandError, ServiceFailedError, UsageError
from rofecare_infra.gates import observe
from rofecare_infra.images import registry
from rofecare_infra.platform import Service
from rofecare_infra.progress import Event, Note, mebibytes
from rofecare_infra.project import Project, ensure_images, prepare
from rofecare_infra.state import Clock
from rofecare_infra.upgrade.tag import TAG

_GOOD_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# The space that new images may need beside the old ones; layers are shared, so most upgrades need far less.
_SPACE = 2 << 30
_SHORT = 12


@dataclass(frozen=True)
class Change:
    """One service: what it runs now, and what it will run."""

    service: str
    image: str
    image_id: str
    new_image: str
    # Empty where the image is not on this machine yet.
    new_image_id: str
    # Whether its settings, mounts or limits differ from those of its containers.
    configuration: bool

    @property
    def differs(self) -> bool:
        """Whether its containers are replaced."""
        return self.image_id != self.new_image_id or self.configuration

    @property
    def row(self) -> tuple[str, str, str, str]:
        """The change as a line of a table."""
        then = self.new_image_id and _short(self.new_image_id)
        return (
            self.service,
            f"{self.image} {_short(self.image_id)}",
            "the same" if self.image_id == self.new_image_id else f"{self.new_image} {then or '(not fetched yet)'}",
            "changed" if self.configuration else "",
        )


@dataclass(frozen=True)
class Plan:
    """All services, in start order."""

    changes: tuple[Change, ...]

    @property
    def differing(self) -> tuple[str, ...]:
        """The services whose containers are replaced."""
        return tuple(one.service for one in self.changes if one.differs)


def plan_of(target: Project) -> Plan:
    """Compare what runs now with `target`. Raises ServiceFailedError unless every service is ready."""
    containers = target.engine.containers(target.platform.project)
    if target.stack:
        hashes = swarm.definitions(target, swarm.plan(target))
    else:
        hashes = target.compose.hashes(target.platform, {one.config_hash for one in containers})
    services = [service for stage in target.platform.stages() for service in stage.services]
    _refuse_unless_ready(target, services, containers)
    return Plan(tuple(_change(target, service, containers, hashes) for service in services))


def _change(
    target: Project, service: Service, containers: tuple[Container, ...], hashes: Mapping[str, frozenset[str]]
) -> Change:
    mine = [one for one in containers if one.service == service.name]
    found = target.engine.image(service.image)
    known = hashes.get(service.name, frozenset())
    # The hash includes the name of the image: a new name does not count as a new configuration.
    same_name = all(one.image == service.image for one in mine)
    return Change(
        service.name,
        mine[0].image if mine else "nothing",
        mine[0].image_id if mine else "",
        service.image,
        found.id if found is not None else "",
        bool(mine) and same_name and any(one.config_hash not in known for one in mine),
    )


def _refuse_unless_ready(target: Project, services: list[Service], containers: tuple[Container, ...]) -> None:
    # A service that is new in the compose files has no containers yet.
    there = {one.service for one in containers}
    seen = observe(
        [one for one in services if one.name in there], containers, {one.id: one.restarts for one in containers}, 0.0
    )
    unready = seen.unready if there else {"the platform": "not started"}
    for name, why in unready.items():
        raise ServiceFailedError(
            f"nothing is upgraded while {name} is not ready",
            seen=why,
            expected="every service ready: otherwise a failure before the upgrade looks like one that it caused",
            next_step=f"inv status; {target.start_command}",
        )


def _short(image_id: str) -> str:
    return image_id.removeprefix("sha256:")[:_SHORT]


def target_of(project: Project, tag: str) -> Generator[Event, None, Project]:
    """The wanted platform; an empty `tag` means that of the settings. Raises UsageError for an invalid tag."""
    if tag and not _GOOD_TAG.fullmatch(tag):
        raise UsageError(
            "this is no tag of an image",
            seen=tag[:80],
            expected="vX.Y.Z or a commit: letters, digits, '_', '.', '-'",
            next_step="inv upgrade --to v1.0.1",
        )
    wanted = project
    if tag:
        wanted = project.with_compose(project.compose.with_variables({TAG: tag}))
    return (yield from prepare(wanted))


def fetch(target: Project, clock: Clock) -> Generator[Event, None, None]:
    """Build and pull every image, so that the downtime needs no network; send them to the nodes of a stack.

    Raises CommandError for one that fails.
    """
    _check_space(target)
    services = [service for stage in target.platform.stages() for service in stage.services]
    built = [service.name for service in services if target.sources.is_built(service)]
    if built:
        report = yield from images.build(target.settings, target.sources, target.engine, built)
        for image, tail in report.failed.items():
            raise CommandError(
                f"nothing was changed: image {image} cannot be built",
                seen="its build failed",
                expected="every image on this machine before anything is stopped",
                next_step="correct the cause below, then run inv upgrade again",
                details=tail,
            )
    pulled = dict.fromkeys(service.image for service in services if not target.sources.is_built(service))
    yield from ensure_images(target, services, clock)
    yield from _pull_newer(target, pulled, clock)
    if target.stack:
        yield from swarm.send_images(target, swarm.plan(target), clock)


def _pull_newer(target: Project, pulled: Iterable[str], clock: Clock) -> Generator[Event, None, None]:
    """Pull tags that may refer to newer images, from registries that answer; otherwise use those on this machine.

    Raises VerificationError for an image that is not the recorded one.
    """
    lock = images.read_lock(target.settings)
    answering: dict[str, bool] = {}
    for image in pulled:
        host = registry.host_of(image)
        if host not in answering:
            answering[host] = registry.answers(host)
            if not answering[host]:
                yield Note(f"{host} does not answer: its images stay as they are on this machine")
        if not answering[host]:
            continue
        try:
            yield from images.fetch(image, image, clock, target.engine, lock)
        except CommandError as error:
            yield Note(f"{image} stays as it is on this machine: {error.seen}")


def _check_space(target: Project) -> None:
    folder = target.engine.folder()
    if folder is None or not Path(folder).exists():
        return  # a remote engine
    free = shutil.disk_usage(folder).free
    if free < _SPACE:
        raise CommandError(
            "there is not enough space for new images",
            seen=f"{mebibytes(free)} free in {folder}",
            expected=f"{mebibytes(_SPACE)}",
            next_step="free space (docker image prune removes untagged images), then run the same command again",
        )
