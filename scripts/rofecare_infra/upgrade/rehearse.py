"""Rehearses an upgrade on an isolated copy with restored data, beside the running platform."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rofecare_infra import backup, lifecycle, state
from rofecare_infra.compose import Compose
from rofecare_infra.engine import Engine
from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.images import Sources
from rofecare_infra.platform import rehearsal_of
from rofecare_infra.process import continue_after_completion, to_end, uninterrupted
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.project import Project
from rofecare_infra.settings import Assignment, Settings
from rofecare_infra.state import SYSTEM_CLOCK, Clock
from rofecare_infra.upgrade.isolated import copied
from rofecare_infra.upgrade.journal import journal_of
from rofecare_infra.upgrade.plan import Plan, fetch, plan_of, target_of
from rofecare_infra.upgrade.rollback import KEPT, end_downtime, has_data, keep_images, restore_names


@dataclass(frozen=True)
class Rehearsed:
    """What would be replaced, and the downtime on the copy, in seconds."""

    plan: Plan
    backup: str
    downtime: float


def rehearse(
    project: Project,
    tag: str = "",
    *,
    wanted: Project | None = None,
    show: Callable[[Plan], None] = lambda _plan: None,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Rehearsed]:
    """Upgrade a copy and remove it. Raises the error with which the upgrade would fail."""
    name = project.platform.project
    before = _state(project.engine, name)
    target = yield from target_of(wanted or project, tag)
    plan_of(target)
    journal = journal_of(project.settings)
    # After a kill, the next command makes the names of images refer to the same images again.
    entry = journal.write(keep_images(project))
    try:
        yield from fetch(target, clock)
        plan = plan_of(target)
        show(plan)
        identity, seconds = yield from _on_the_copy(project, target, clock)
    except RofecareError as error:
        raise type(error)(
            f"the rehearsal failed: {error.what}",
            seen=error.seen,
            expected=error.expected,
            next_step="correct the cause, then inv upgrade --rehearse again; the running platform was not touched",
            details=error.details,
        ) from error
    finally:
        restore_names(project.engine, entry)
        journal.clear()
    if _state(project.engine, name) != before:
        raise ServiceFailedError(
            "the running platform changed during the rehearsal",
            seen="other containers, or other start times, than before",
            expected="a platform that no other command changes at the same time",
            next_step="inv status",
        )
    return Rehearsed(plan, identity, seconds)


def _on_the_copy(project: Project, target: Project, clock: Clock) -> Generator[Event, None, tuple[str, float]]:
    old, new = _copies(project, target)
    identity = ""
    try:
        _remove(old)
        if has_data(target):
            yield Working("taking a backup for the copy")
            taken = yield from backup.take(project, reason="for a rehearsal")
            identity = taken.id
            yield Note(f"the copy is {old.platform.project}, with the data of backup {identity}")
            infrastructure = [one for one in old.platform.services if one.phase == "infrastructure"]
            yield from lifecycle.start(old.only(infrastructure), clock=clock)
            origin = project.platform.project
            yield from backup.restore(old.only(infrastructure), str(taken.folder), from_project=origin, clock=clock)
            # The restore is a part of a longer command.
            continue_after_completion()
        began = clock.monotonic()
        yield from end_downtime(new, clock)
        return identity, clock.monotonic() - began
    finally:
        with uninterrupted():
            _remove(old)


def _copies(project: Project, target: Project) -> tuple[Project, Project]:
    """The platform as it is and as it will be, both under the name of the copy."""
    name = rehearsal_of(project.platform.project)
    folder = project.settings.state_folder / "rehearsal"
    state.make_folder(folder)
    values = {**project.settings.values, "COMPOSE_PROJECT_NAME": Assignment(name, "the rehearsal")}
    settings = replace(project.settings, values=values)
    printed = target.compose.run("config", "--format", "json").stdout
    model: dict[str, Any] = json.loads(printed)
    kept = {
        one.service: KEPT.format(project=project.platform.project, service=one.service)
        for one in target.engine.containers(project.platform.project)
    }
    return (
        _project(settings, folder / "old.json", copied(model, kept), target),
        _project(settings, folder / "new.json", copied(model, {}), target),
    )


def _project(settings: Settings, path: Path, model: Mapping[str, Any], target: Project) -> Project:
    state.replace(path, json.dumps(model))
    compose = Compose(path.parent, (path.name,), {"COMPOSE_PROJECT_NAME": str(model["name"])})
    platform = compose.model()
    chosen = dict.fromkeys((service.name for service in platform.services), "chosen")
    return Project(settings, Sources(compose, platform, "registry", chosen), target.connect)


def _remove(copy: Project) -> None:
    """Remove the copy: containers, networks, volumes, and the backup that its restore took."""
    to_end(lifecycle.stop(copy, volumes=True, shared_secrets=True))
    shutil.rmtree(backup.store_of(copy).folder, ignore_errors=True)
    backup.forget_identity(copy.settings)


def _state(engine: Engine, project: str) -> dict[str, str]:
    return {one.id: one.started_at for one in engine.containers(project)}
