"""Runs several generators of events side by side, in threads, and merges their events into one stream.

The first error, an interruption, or a consumer that stops ends all: the commands that they wait for are stopped.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Generic, TypeVar

from rofecare_infra.process.child import Group, GroupEndedError, member_of

E = TypeVar("E")
T = TypeVar("T")

# More of them would compete for the same disk.
_MOST = 4


def side_by_side() -> int:
    """How many commands with much work run at the same time: one a processor, and a few at most."""
    return max(1, min(os.cpu_count() or 1, _MOST))


def together(
    tasks: Sequence[Callable[[], Generator[E, None, T]]], at_once: int | None = None
) -> Generator[E, None, list[T]]:
    """Run the tasks, `at_once` of them at the same time; yield their events as they come, return the results in order.

    After the first error no other task starts, those that run are ended, and the error is raised. A task must not
    leave a command running: the kernel ends it with the thread that started it.
    """
    work = _Work(tasks)
    count = min(len(tasks), side_by_side() if at_once is None else at_once)
    workers = [threading.Thread(target=work.run, daemon=True) for _ in range(count)]
    try:
        for worker in workers:
            worker.start()
        yield from work.events(count)
    finally:
        # If all tasks are complete, there is nothing to end.
        work.group.end()
        for worker in workers:
            if worker.ident is not None:
                worker.join()
    return [work.results[number] for number in range(len(tasks))]


class _Work(Generic[E, T]):
    """The tasks, which threads take one after another, and what arrives from them."""

    def __init__(self, tasks: Sequence[Callable[[], Generator[E, None, T]]]) -> None:
        self.group = Group()
        self.results: dict[int, T] = {}
        self._tasks = tasks
        self._numbers = iter(range(len(tasks)))
        self._lock = threading.Lock()
        # An event, or an error; neither of them: a thread has ended.
        self._arrived: queue.SimpleQueue[tuple[E | None, BaseException | None]] = queue.SimpleQueue()

    def run(self) -> None:
        """Run tasks until there is none; what a thread does."""
        try:
            with member_of(self.group):
                for number in iter(self._following, None):
                    self.results[number] = self._forward(self._tasks[number]())
        except BaseException as error:  # noqa: BLE001 - raised by the thread that reads the events
            self._arrived.put((None, error))
        self._arrived.put((None, None))

    def events(self, running: int) -> Generator[E, None, None]:
        """The events of so many threads, until all have ended. Raises the first error."""
        while running:
            event, error = self._arrived.get()
            if error is not None:
                raise error
            if event is None:
                running -= 1
            else:
                yield event

    def _following(self) -> int | None:
        with self._lock:
            return None if self.group.ended else next(self._numbers, None)

    def _forward(self, steps: Generator[E, None, T]) -> T:
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                result: T = end.value
                return result
            if self.group.ended:
                steps.close()
                raise GroupEndedError
            self._arrived.put((event, None))
