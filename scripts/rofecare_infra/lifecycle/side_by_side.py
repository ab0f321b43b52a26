"""Does the same with several containers at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext

from rofecare_infra.errors import RofecareError
from rofecare_infra.process import uninterrupted


def side_by_side(call: Callable[[str], None], containers: Iterable[str], *, awaited: bool = True) -> None:
    """Call with the id of each container, all at once. Raises the first error when all calls have ended.

    With `awaited`, ^C is raised when they have ended: a rollback must not meet a call in progress. Otherwise it does
    not wait for them: the threads are daemons.
    """
    problems: list[RofecareError] = []

    def call_one(container: str) -> None:
        try:
            call(container)
        except RofecareError as error:
            problems.append(error)

    threads = [threading.Thread(target=call_one, args=(container,), daemon=True) for container in containers]
    with uninterrupted() if awaited else nullcontext():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if problems:
        raise problems[0]
