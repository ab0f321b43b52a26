"""Stops the ingress, then the other services: each one after those that need it, side by side.

The order is read from the labels of the containers, whatever files they were created from.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rofecare_infra import secrets
from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import CommandError, ServiceFailedError
from rofecare_infra.lifecycle.side_by_side import side_by_side
from rofecare_infra.platform import LABEL_PHASE, LAST_PHASE, MONITORING, PHASES, Platform, is_ingress, levels_of
from rofecare_infra.progress import Event, Note, Working, listed
from rofecare_infra.project import Project, marker, require_own
from rofecare_infra.state import SYSTEM_CLOCK, Clock

_SIGKILL_CODE = 137


@dataclass(frozen=True)
class StopReport:
    """What was stopped and removed."""

    stopped: tuple[str, ...]
    # Containers that did not stop within their grace period.
    killed: tuple[str, ...]
    volumes: tuple[str, ...] = ()
    secrets: tuple[Path, ...] = ()
    # The other projects for which the secrets were kept.
    secrets_kept_for: tuple[str, ...] = ()

    def raise_if_killed(self) -> None:
        """Raise ServiceFailedError where a container had to be killed."""
        if self.killed:
            raise ServiceFailedError(
                f"{', '.join(self.killed)} did not stop by itself",
                seen="killed at the end of its grace period (exit code 137)",
                expected="a stop within stop_grace_period",
                next_step="the data may need crash recovery at the next start; check with: inv start-all",
            )


def stop(
    project: Project,
    *,
    volumes: bool = False,
    shared_secrets: bool = False,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, StopReport]:
    """Stop and remove the project's containers and networks; with `volumes` also its volumes and secrets.

    Secrets on which another project depends stay. Raises SettingsError, before anything is stopped, where another stack
    has the name of the project.
    """
    engine, name = project.engine, project.platform.project
    require_own(project.platform, engine, project.settings.docker_folder, removes_volumes=volumes)
    containers = engine.containers(name)
    killed = yield from stop_in_stages(engine, project.platform, containers, clock, awaited=False)
    yield Working("removing containers and networks")
    project.compose.down(name)
    stopped = tuple(container.name for container in containers)
    if not volumes:
        return StopReport(stopped, killed)
    report = StopReport(stopped, killed, _remove_volumes(engine, name))
    return without_secrets(project, report, shared_secrets=shared_secrets)


def without_secrets(project: Project, report: StopReport, *, shared_secrets: bool = False) -> StopReport:
    """Remove the secrets and the marker, after the data; the report with what was removed."""
    engine, folder = project.engine, project.settings.secrets_folder
    others = () if shared_secrets else secrets.release(project.platform, folder, engine)
    kept = shared_secrets or bool(others)
    gone = () if kept else secrets.remove(secrets.inventory(project.platform, folder))
    # Last: until here, an interrupted removal is still one of a production platform.
    marker.remove(engine, project.platform.project)
    return replace(report, secrets=gone, secrets_kept_for=others)


def stop_monitoring(project: Project, *, clock: Clock = SYSTEM_CLOCK) -> Generator[Event, None, StopReport]:
    """Stop and remove only the containers of the monitoring; its recorded data stays."""
    engine = project.engine
    containers = tuple(
        one for one in engine.containers(project.platform.project) if one.labels.get(LABEL_PHASE) == MONITORING
    )
    killed = yield from stop_in_stages(engine, project.platform, containers, clock, awaited=False)
    if containers:
        yield Working("removing containers")
    for container in containers:
        engine.remove(container.id)
    return StopReport(tuple(container.name for container in containers), killed)


def stop_in_stages(
    engine: Engine, platform: Platform, containers: Sequence[Container], clock: Clock, *, awaited: bool = True
) -> Generator[Event, None, tuple[str, ...]]:
    """Stop these containers in the reverse order of their start; return the names of those that were killed.

    `awaited`: see stop_together.
    """
    killed: list[str] = []
    for group in reverse_stages(containers, platform):
        names = [container.name for container in group]
        yield Working(f"stopping {listed(names)}")
        began = clock.monotonic()
        stop_together(engine, group, awaited=awaited)
        killed += [one.name for one in group if _was_killed(one, engine.inspect(one.id))]
        yield Note(f"{listed(names)} stopped ({clock.monotonic() - began:.1f} s)")
    return tuple(killed)


def stop_together(engine: Engine, group: Sequence[Container], *, awaited: bool = True) -> None:
    """Stop these containers in parallel; `awaited` as in side_by_side."""
    side_by_side(engine.stop, [container.id for container in group], awaited=awaited)


def _was_killed(before: Container, after: Container | None) -> bool:
    """Whether this stop ended in SIGKILL; a container that had been killed before does not count."""
    if after is None or before.status == "restarting":
        return False
    return after.exit_code == _SIGKILL_CODE and after.finished_at != before.finished_at


def _remove_volumes(engine: Engine, project: str) -> tuple[str, ...]:
    """Remove every volume that no other container uses. Raises CommandError where one is in use."""
    removed: list[str] = []
    left: list[str] = []
    for volume in engine.volumes(project):
        try:
            engine.remove_volume(volume)
        except CommandError:
            left.append(f"{volume}, used by {', '.join(engine.users_of(volume)) or 'an unknown container'}")
        else:
            removed.append(volume)
    if left:
        raise CommandError(
            f"{len(left)} volumes could not be removed",
            seen="; ".join(left),
            expected="volumes that are only used by this project",
            next_step="remove the containers that use them (docker rm -f), then run inv stop-all --volumes again",
            details=[f"removed: {', '.join(removed) or 'none'}; secrets are kept"],
        )
    return tuple(removed)


def reverse_stages(containers: Sequence[Container], platform: Platform) -> list[list[Container]]:
    """The running containers in groups that stop together: each group is needed by none that is still running.

    The ingress comes first: it answers the requests that it has accepted while everything behind it still works.

    Dependencies come from the model: compose does not write them on containers that it starts one stage at a time. What
    the model does not describe is taken to need every earlier phase.
    """
    up = [container for container in containers if container.is_up]
    described = platform.needs
    phases = {container.service: _order_of(container) for container in up}

    def needs(container: Container) -> Sequence[str]:
        known = described.get(container.service, container.depends_on)
        earlier = [name for name, phase in phases.items() if phase < phases[container.service]]
        return known if known or container.service in described else earlier

    users: dict[str, set[str]] = {name: set() for name in phases}
    for container in up:
        for need in needs(container):
            users.get(need, set()).add(container.service)
    monitoring = PHASES.index(MONITORING)
    for name in [name for name, found in users.items() if not found]:
        # Where nothing declares its needs, the phases decide; the monitoring is needed by none, and needs none.
        users[name] = {other for other, phase in phases.items() if phase > phases[name] and phase != monitoring}
    levels = levels_of(users)

    def place(container: Container) -> tuple[bool, int]:
        return not is_ingress(container.labels), levels[container.service]

    places = sorted({place(container) for container in up})
    return [[container for container in up if place(container) == here] for here in places]


def _order_of(container: Container) -> int:
    order = (*PHASES, LAST_PHASE)
    phase = container.labels.get(LABEL_PHASE, LAST_PHASE)
    return order.index(phase) if phase in order else len(order)
