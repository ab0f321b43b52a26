"""What an upgrade leads to: the project with another tag of the applications, all its images on this machine."""

from __future__ import annotations

import re
import shutil
from collections.abc import Generator, Iterable
from pathlib import Path

from rofecare_infra import images, state
from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.images import registry
from rofecare_infra.progress import Event, Note, mebibytes
from rofecare_infra.project import Project, ensure_images, prepare
from rofecare_infra.settings import Settings
from rofecare_infra.state import Clock

TAG = "SERVICES_TAG"
_GOOD_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# What a set of new images may take beside the old one; layers are shared, so that it is mostly far less.
_ROOM = 2 << 30


def target_of(project: Project, tag: str) -> Generator[Event, None, Project]:
    """The platform that is wanted; `tag` is empty for the one of the settings. Raises UsageError for a bad tag."""
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
    """Build and pull everything, so that the line may drop afterwards. Raises CommandError for what cannot be had."""
    _refuse_without_room(target)
    services = [service for stage in target.platform.stages() for service in stage.services]
    built = [service.name for service in services if target.sources.is_built(service)]
    if built:
        report = yield from images.build(target.settings, target.sources, target.engine, built)
        for image, tail in report.failed.items():
            raise CommandError(
                f"nothing was changed: image {image} cannot be built",
                seen="its build failed",
                expected="every image on this machine before anything is stopped",
                next_step="mend the cause below, then inv upgrade again",
                details=tail,
            )
    pulled = dict.fromkeys(service.image for service in services if not target.sources.is_built(service))
    yield from ensure_images(target, services, clock)
    yield from _newer(pulled, clock)


def _newer(pulled: Iterable[str], clock: Clock) -> Generator[Event, None, None]:
    """A tag may mean something newer by now: ask the registries that answer. What is here already will do otherwise."""
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
            yield from images.pull(image, image, clock)
        except CommandError as error:
            yield Note(f"{image} stays as it is on this machine: {error.seen}")


def _refuse_without_room(target: Project) -> None:
    folder = target.engine.folder()
    if folder is None or not Path(folder).exists():
        return  # an engine elsewhere
    free = shutil.disk_usage(folder).free
    if free < _ROOM:
        raise CommandError(
            "there is no room for new images",
            seen=f"{mebibytes(free)} free in {folder}",
            expected=f"{mebibytes(_ROOM)}",
            next_step="make room (docker image prune removes what no tag names), then the same command again",
        )


def write_tag(settings: Settings, tag: str) -> None:
    """Make this tag the one of `.env`: by a rename, so that the file is whole at every moment."""
    path = settings.root / ".env"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    line = f"{TAG}={tag}"
    found = [number for number, text in enumerate(lines) if re.match(rf"\s*(?:export\s+)?{TAG}\s*=", text)]
    if found:
        lines[found[0]] = line
    else:
        lines.append(line)
    # `.env` may be a link: the file that it leads to is written.
    real = path.resolve()
    mode = real.stat().st_mode & 0o777 if real.exists() else 0o644
    state.replace(real, "\n".join(lines) + "\n", mode=mode)
