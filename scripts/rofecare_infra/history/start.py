"""A start that is recorded when it ends, and compared with earlier ones."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from functools import partial

from rofecare_infra import lifecycle
from rofecare_infra.engine import Container, Engine
from rofecare_infra.errors import EngineError, RofecareError
from rofecare_infra.history import store
from rofecare_infra.history.compare import slowness, usual
from rofecare_infra.history.cpu import cpu_seconds
from rofecare_infra.history.record import StartRecord
from rofecare_infra.history.recorder import Recorder
from rofecare_infra.history.slow import LastLines, SlowServices, last_line
from rofecare_infra.progress import Event, Expected, Note, Observed, StageBegan
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock


def start(
    project: Project, *, phases: Iterable[str] | None = None, clock: Clock = SYSTEM_CLOCK
) -> Generator[Event, None, tuple[Container, ...]]:
    """Start the stages of these phases, as the lifecycle does, and record the start, also one that fails.

    A note follows if the record cannot be written, or the start was much slower than usual. A start that is interrupted
    is not recorded.
    """
    offset = 0.0
    recorder = Recorder(lambda: clock.monotonic() + offset, cpu_seconds)
    events = lifecycle.start(project, phases=phases, clock=clock, watch=recorder.see)
    begun = False
    earlier: Sequence[StartRecord] = ()
    slow: SlowServices | None = None
    try:
        while True:
            event = next(events)
            if isinstance(event, StageBegan) and not begun:
                begun, offset = True, _offset(project.engine, clock)
                recorder.begin()
                earlier = store.read(store.folder_of(project.settings)).records
                expected = usual(earlier)
                slow = SlowServices(LastLines(partial(last_line, project)), expected)
                yield Expected(expected)
            yield event
            if isinstance(event, Observed) and slow is not None:
                yield from slow.logged(event, clock.monotonic())
    except StopIteration as end:
        containers: tuple[Container, ...] = end.value
        yield from _recorded(project, recorder.record(project.platform), earlier)
        return containers
    except RofecareError as error:
        yield from _recorded(project, recorder.record(project.platform, error), earlier)
        raise
    finally:
        events.close()


def _recorded(
    project: Project, record: StartRecord | None, earlier: Sequence[StartRecord]
) -> Generator[Event, None, None]:
    if record is None:
        return
    folder = store.folder_of(project.settings)
    try:
        store.write(folder, record)
    except OSError as error:
        yield Note(f"this start is not recorded for inv timeline: {error.filename or folder}: {error.strerror}")
    slow = slowness(record, earlier)
    if slow:
        yield Note(slow)


def _offset(engine: Engine, clock: Clock) -> float:
    """What has to be added to the monotonic clock for the Unix time of the engine's machine."""
    try:
        found = engine.time()
    except EngineError:
        found = None
    return (found.timestamp() if found is not None else clock.now()) - clock.monotonic()
