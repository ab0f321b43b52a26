"""Changes one secret: look first, change, prove; or put everything back and say why."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from rofecare_infra.errors import RofecareError, ServiceFailedError
from rofecare_infra.gates import observe
from rofecare_infra.process import to_end
from rofecare_infra.progress import Event, Note, Working
from rofecare_infra.project import Project
from rofecare_infra.rotation.change import Change
from rofecare_infra.rotation.files import SecretFile
from rofecare_infra.rotation.journal import Entry, journal_of
from rofecare_infra.rotation.kinds import Kind, names, resolve, secret_of
from rofecare_infra.rotation.restart import Restarts
from rofecare_infra.rotation.shell import Shell, in_container
from rofecare_infra.secrets import inventory
from rofecare_infra.state import SYSTEM_CLOCK, Clock, Journal

_BYTES = 32


@dataclass(frozen=True)
class Report:
    """What was changed, and who was restarted for it (container -> seconds)."""

    secret: str
    kind: Kind
    restarted: Mapping[str, float]


def rotate(
    project: Project,
    word: str,
    *,
    shell: Shell = in_container,
    clock: Clock = SYSTEM_CLOCK,
) -> Generator[Event, None, Report]:
    """Change the secret that `word` names.

    Raises UsageError for none, or one of a kind that cannot be changed; ServiceFailedError where what uses it does not
    run. Whatever fails later is raised when everything is as it was.
    """
    mine = inventory(project.platform, project.settings.secrets_folder).present
    change = change_of(project, resolve(word, mine), shell, clock)
    journal = journal_of(project.settings)
    name, kind = change.what.name, change.what.kind
    with journal.locked():
        old = change.file.read()
        yield Working(f"{name} is {kind.value}: looking at who uses it")
        _look(change, old)
        new = secrets.token_hex(_BYTES)
        try:
            journal.write(Entry(name))
            change.file.stage(new)
            yield from change.forward(old, new)
            journal.write(Entry(name, proven=True))
        except RofecareError as error:
            yield Note(f"{error.what}: putting the old {name} back")
            yield from _undo(change, journal, error)
            raise _kept_error(error, name) from error
        except BaseException:
            # ^C: whoever asked has no eyes for what is done now, and gets no half a change.
            to_end(_undo(change, journal, None))
            raise
        change.file.keep()
        journal.clear()
    return Report(name, kind, dict(change.restarts.seconds))


def change_of(
    project: Project,
    name: str,
    shell: Shell,
    clock: Clock,
) -> Change:
    """A change of this secret. Raises UsageError for one of a kind that cannot be changed."""
    restarts = Restarts(project.platform, project.engine, project.settings.gate_timeout, clock)
    secret = secret_of(project.platform, name)
    return Change(secret, SecretFile(secret.file), restarts, shell)


def _look(change: Change, old: str) -> None:
    """Refuse while nothing is changed. Raises ServiceFailedError."""
    containers = change.containers()
    running = {one.service for one in containers}
    absent = [service for service in change.what.owners if service.name not in running]
    if absent:
        raise ServiceFailedError(
            f"{change.what.name} can only be changed while {names(absent)} runs",
            seen=f"{names(absent)} does not run",
            expected="a started platform: the server itself has to take the new secret",
            next_step="inv start-all",
        )
    concerned = [one for one in (*change.what.owners, *change.what.users) if one.name in running]
    restarts = {one.id: one.restarts for one in containers}
    for name, why in observe(concerned, containers, restarts, 0.0).unready.items():
        raise ServiceFailedError(
            f"{change.what.name} is not changed while {name} is not ready",
            seen=why,
            expected="everything that uses the secret ready",
            next_step="inv status; inv start-all",
        )
    # What takes anything would prove nothing afterwards.
    change.prove(good=old, bad=secrets.token_hex(_BYTES))


def _undo(change: Change, journal: Journal[Entry], why: RofecareError | None) -> Generator[Event, None, None]:
    """Everything as it was. What stands in the way is raised together with why it had to be."""
    old, *others = change.file.candidates()
    touched = tuple(change.restarts.touched)
    try:
        yield from change.back(touched, old=old, known=(*others, old))
    except RofecareError as error:
        raise ServiceFailedError(
            f"{change.what.name} could neither be changed nor put back",
            seen=f"{why.what if why else 'interrupted'}; then: {error.what}: {error.seen}",
            expected="the old secret in force again",
            next_step="inv start-all: it goes on from here; both secrets are kept until then",
            details=error.details,
        ) from error
    journal.clear()


def _kept_error(error: RofecareError, name: str) -> RofecareError:
    """The first cause, and that nothing is different now."""
    return type(error)(
        f"{name} was not changed: {error.what}",
        seen=error.seen,
        expected=error.expected,
        next_step=f"mend the cause, then the same command again; the old {name} is in force and its users run with it",
        details=error.details,
    )
