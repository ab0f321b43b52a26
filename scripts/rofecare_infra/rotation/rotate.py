"""Rotates one secret: check, replace, verify, or roll back; and recovers a rotation that was interrupted."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from rofecare_infra import lifecycle, swarm
from rofecare_infra.errors import RofecareError, ServiceFailedError, SettingsError
from rofecare_infra.gates import observe
from rofecare_infra.process import Shell, complete, in_container, to_end, uninterrupted
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.project import Project, prepare
from rofecare_infra.rotation.change import Change, Restarts
from rofecare_infra.rotation.files import SecretFile
from rofecare_infra.rotation.kinds import Kind, names, resolve, secret_of
from rofecare_infra.rotation.stack import StackChange
from rofecare_infra.secrets import inventory, others
from rofecare_infra.settings import Settings
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal, JournalKind

_BYTES = 32


@dataclass(frozen=True)
class Entry:
    """The secret that is being rotated, and whether the new one has been verified, which is the decision.

    It contains no secret.
    """

    secret: str
    proven: bool = False


_KIND = JournalKind(
    "rotation",
    lambda known: Entry(str(known["secret"]), bool(known["proven"])),
    writer="inv rotate",
    remedy="look for .*.old in the secrets folder; where there is none, rm {path}",
)


def journal_of(settings: Settings) -> Journal[Entry]:
    """The journal of this project's rotations."""
    return Journal(settings, _KIND)


def is_interrupted(settings: Settings) -> bool:
    """Whether a rotation is in progress or was interrupted."""
    return journal_of(settings).exists()


@dataclass(frozen=True)
class Report:
    """What was rotated, and what was restarted for it (container -> seconds)."""

    secret: str
    kind: Kind
    restarted: Mapping[str, float]


def rotate(
    project: Project, word: str, *, shell: Shell = in_container, clock: Clock = SYSTEM_CLOCK
) -> Generator[Event, None, Report]:
    """Rotate the secret that `word` names.

    Raises UsageError for an unknown name or a kind that cannot be rotated, ServiceFailedError where a service that uses
    it is not ready. A later error is raised after the rollback.
    """
    folder = project.settings.secrets_folder
    mine = inventory(project.platform, folder).present
    shared = others(project.platform, folder, project.engine)
    if shared:
        raise SettingsError(
            f"the secrets of {project.platform.project} are also those of {', '.join(shared)}: nothing was changed",
            seen=f"one folder: {folder}",
            expected="a folder of secrets for each project: a new secret would not open the data of the others",
            next_step="copy the secrets, without .used-by-*, to a folder with mode 0700; set SECRETS_DIR to it; "
            f"{project.start_command}; then the same command",
        )
    change = _change_of(project, resolve(word, mine), shell, clock)
    journal = journal_of(project.settings)
    name, kind = change.what.name, change.what.kind
    old = change.file.read()
    yield Working(f"{name} is {kind.value}: checking the services that use it")
    _check(change, old)
    new = secrets.token_hex(_BYTES)
    try:
        journal.write(Entry(name))
        change.file.stage(new)
        yield from change.forward(old, new)
        journal.write(Entry(name, proven=True))
        complete()
    except RofecareError as error:
        if not _is_proven(journal):
            with uninterrupted():
                yield Note(f"{error.what}: rolling back to the old {name}")
                yield from _roll_back(change, journal, error)
                raise _rolled_back(error, name) from error
        raise
    except BaseException:
        # ^C: no progress is shown any longer, but it goes to its end, in one direction.
        with uninterrupted():
            if _is_proven(journal):
                _keep(change, journal)
            else:
                to_end(_roll_back(change, journal, None))
            raise
    _keep(change, journal)
    return Report(name, kind, dict(change.restarts.seconds))


def recover(
    project: Project, *, shell: Shell = in_container, clock: Clock = SYSTEM_CLOCK
) -> Generator[Event, None, None]:
    """Recover from an interrupted rotation: complete it where the new secret was verified, else roll it back.

    A server that does not run is started for the rollback.
    """
    journal = journal_of(project.settings)
    entry = journal.read()
    if entry is None:
        return
    if entry.secret not in project.platform.secrets:
        journal.clear()
        return
    change = _change_of(project, entry.secret, shell, clock)
    if not change.file.path.exists():
        # Data and secrets have been removed since.
        change.file.roll_back()
        journal.clear()
        return
    if entry.proven:
        # The first write may have been interrupted before it was on the disk.
        journal.write(entry)
        _keep(change, journal)
        yield Note(f"the rotation of {entry.secret} was interrupted after its verification: the new secret stays")
        return
    yield Note(f"a rotation of {entry.secret} was interrupted: rolling back to the old secret")
    old, *others = change.file.candidates()
    up = [one.id for one in change.containers()]
    if change.what.kind is Kind.DATABASE:
        project = yield from prepare(project)
        yield from lifecycle.start(project, phases={one.phase for one in change.what.owners}, clock=clock)
    stopped = [one.id for one in change.containers(running=False) if up and one.id not in up]
    yield from change.roll_back((*up, *stopped), old=old, known=(*others, old))
    journal.clear()
    yield Note(f"{entry.secret} is rolled back: the old secret is in force")


def _is_proven(journal: Journal[Entry]) -> bool:
    """Whether the entry on the disk keeps the new secret: the last write of it may have been interrupted."""
    entry = journal.read()
    return entry is not None and entry.proven


def _keep(change: Change, journal: Journal[Entry]) -> None:
    """Remove the old secret: the new one is proven, and nothing rolls it back from here on."""
    change.file.commit()
    journal.clear()


def _change_of(project: Project, name: str, shell: Shell, clock: Clock) -> Change:
    restarts = Restarts(project.platform, project.engine, project.settings.gate_timeout, clock)
    secret = secret_of(project.platform, name)
    if project.stack:
        key = swarm.names.key_of(project.settings.state_folder)
        return StackChange(secret, SecretFile(secret.file), restarts, shell, project.stack_engine, key)
    return Change(secret, SecretFile(secret.file), restarts, shell)


def _check(change: Change, old: str) -> None:
    """Refuse to start unless everything concerned is ready. Raises ServiceFailedError."""
    containers = change.containers()
    running = {one.service for one in containers}
    absent = [service for service in change.what.owners if service.name not in running]
    if absent:
        raise ServiceFailedError(
            f"{change.what.name} can only be changed while {names(absent)} runs",
            seen=f"{names(absent)} does not run",
            expected="a started platform: the server itself must set the new secret",
            next_step=change.start_command,
        )
    concerned = [one for one in (*change.what.owners, *change.what.users) if one.name in running]
    restarts = {one.id: one.restarts for one in containers}
    for name, why in observe(concerned, containers, restarts, 0.0).unready.items():
        raise ServiceFailedError(
            f"{change.what.name} is not changed while {name} is not ready",
            seen=why,
            expected="every service that uses the secret ready",
            next_step=f"inv status; {change.start_command}",
        )
    # A server that accepts any secret would make the verification worthless.
    change.verify(good=old, bad=secrets.token_hex(_BYTES))


def _roll_back(change: Change, journal: Journal[Entry], cause: RofecareError | None) -> Generator[Event, None, None]:
    """Restore the state before the rotation. An error of the rollback is raised together with its cause."""
    old, *others = change.file.candidates()
    touched = tuple(change.restarts.touched)
    try:
        yield from change.roll_back(touched, old=old, known=(*others, old))
    except RofecareError as error:
        raise ServiceFailedError(
            f"{change.what.name} could neither be changed nor rolled back",
            seen=f"{cause.what if cause else 'interrupted'}; then: {error.what}: {error.seen}",
            expected="the old secret in force again",
            next_step=f"{change.start_command}: it continues the rollback; both secrets are kept until then",
            details=error.details,
        ) from error
    journal.clear()


def _rolled_back(error: RofecareError, name: str) -> RofecareError:
    """The first cause, and that the old state is restored."""
    return type(error)(
        f"{name} was not changed: {error.what}",
        seen=error.seen,
        expected=error.expected,
        next_step=f"correct the cause, then run the same command again; the old {name} is in force",
        details=error.details,
    )
