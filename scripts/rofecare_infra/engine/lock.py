"""One change of a project at a time: a lock on its engine, the same for every checkout, user and machine.

Of a stack, there is a second one in the Swarm, the same for all managers: a config with the same name and labels.

The lock is a container that is created and never started. The engine allows its name only once, and its labels name the
holder. It is removed by its id, never by its name: by then, the name may belong to the lock of another command.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime

from rofecare_infra.engine.client import Engine
from rofecare_infra.errors import CommandError, RofecareError
from rofecare_infra.process import Fate, Identity, fate_of, this_process, uninterrupted
from rofecare_infra.state import SYSTEM_CLOCK, Clock

LABEL_LOCK = "com.rofecare.lock"
# The name is taken, but the container is not there yet or no longer: looked at again, a few times.
_ATTEMPTS = 10
_PAUSE = 0.2


@dataclass(frozen=True)
class Holder:
    """The command that holds a lock."""

    process: Identity
    command: str
    # ISO 8601, with microseconds: two commands of one process differ.
    since: str

    @property
    def labels(self) -> dict[str, str]:
        """The labels of its container."""
        texts = {**asdict(self.process), "command": self.command, "since": self.since}
        return {f"{LABEL_LOCK}.{name}": str(text) for name, text in texts.items()}

    def __str__(self) -> str:
        one = self.process
        return f"{self.command} (user {one.user}, host {one.host}, pid {one.pid}, since {self.since[:19]}Z)"


@dataclass(frozen=True)
class Lock:
    """A lock that exists: its container and its holder."""

    id: str
    holder: Holder
    # Whether it is a config of the Swarm.
    shared: bool = False

    @property
    def fate(self) -> Fate:
        """Whether its holder still runs."""
        return fate_of(self.holder.process, this_process())


def this_command(command: str, clock: Clock = SYSTEM_CLOCK) -> Holder:
    """This process as a holder; `command` contains no secret."""
    return Holder(this_process(), command, datetime.fromtimestamp(clock.now(), UTC).isoformat(timespec="microseconds"))


def lock_of(engine: Engine, project: str) -> Lock | None:
    """The lock of the project; None if no command holds one."""
    return _found(engine, project, shared=False) or (
        _found(engine, project, shared=True) if _is_stack(engine, project) else None
    )


def release(engine: Engine, lock: Lock) -> None:
    """Remove a lock."""
    if lock.shared:
        engine.remove_stack_object("configs", lock.id)
    else:
        engine.remove(lock.id)


@contextmanager
def locked(engine: Engine, project: str, holder: Holder, clock: Clock = SYSTEM_CLOCK) -> Iterator[Holder | None]:
    """Hold the lock of the project; yield the holder that had ended without releasing it, if there was one.

    Raises CommandError if another command holds it. Not re-entrant.
    """
    both = (False, True) if _is_stack(engine, project) else (False,)
    try:
        replaced = [_take(engine, project, holder, clock, shared=shared) for shared in both]
        yield next((one for one in replaced if one is not None), None)
    finally:
        # Looked for, not remembered: ^C may come between the answer of the engine and the next line.
        for shared in both:
            with uninterrupted(), suppress(RofecareError):
                found = _found(engine, project, shared=shared)
                if found is not None and found.holder == holder:
                    release(engine, found)


def name_of(project: str) -> str:
    """The name of the container, and of the config."""
    return f"rofecare-lock-{project}"


def _is_stack(engine: Engine, project: str) -> bool:
    # A Swarm without a leader refuses the changes of a stack by itself.
    with suppress(RofecareError):
        return engine.is_stack(project)
    return False


def _found(engine: Engine, project: str, *, shared: bool) -> Lock | None:
    """The lock on the engine, or in the Swarm."""
    if shared:
        identity, labels = engine.config_named(name_of(project)) or ("", {})
    else:
        container = engine.inspect(name_of(project))
        identity, labels = (container.id, container.labels) if container is not None else ("", {})
    return Lock(identity, _holder(labels), shared) if labels.get(LABEL_LOCK) == project else None


def _take(engine: Engine, project: str, holder: Holder, clock: Clock, *, shared: bool) -> Holder | None:
    replaced: Holder | None = None
    labels = {LABEL_LOCK: project, **holder.labels}
    for _ in range(_ATTEMPTS):
        if (engine.reserve_config if shared else engine.reserve)(name_of(project), labels):
            return replaced
        found = _found(engine, project, shared=shared)
        if found is None:
            clock.sleep(_PAUSE)
            continue
        if found.fate is not Fate.ENDED:
            raise held_by_another(project, found)
        # Others may do the same at this moment: only one of them gets the name afterwards.
        replaced = found.holder
        release(engine, found)
    raise CommandError(
        f"the lock of {project} cannot be taken",
        seen=f"the name {name_of(project)} is taken",
        expected="no container of this name, or a lock",
        next_step=f"docker inspect {name_of(project)}; run the same command again",
    )


def held_by_another(project: str, lock: Lock) -> CommandError:
    """The error for a lock that another command holds."""
    elsewhere = f"if it has ended on {lock.holder.process.host} without releasing the lock: inv unlock --force"
    return CommandError(
        f"another command is changing {project}",
        seen=str(lock.holder),
        expected="one change of a platform at a time",
        next_step="run the same command again when the other one has ended"
        + ("" if lock.fate is Fate.RUNNING else f"; {elsewhere}"),
    )


def _holder(labels: Mapping[str, str]) -> Holder:
    """The holder that the labels describe. Nothing is known of a process whose labels are damaged."""
    texts = {field.name: labels.get(f"{LABEL_LOCK}.{field.name}", "") for field in fields(Identity)}
    pid = texts.pop("pid")
    process = Identity(**texts, pid=int(pid) if pid.isdecimal() else 0)
    return Holder(process, labels.get(f"{LABEL_LOCK}.command", ""), labels.get(f"{LABEL_LOCK}.since", ""))
