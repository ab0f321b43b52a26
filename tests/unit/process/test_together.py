"""Commands side by side: one stream of events, results in order, and one end for all."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from functools import partial

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.process import Conversation, run, to_end, together, transfer

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# Far below the time that the commands take when nothing ends them, in seconds.
SOON = 30.0


def echo(word: str) -> Generator[str, None, str]:
    yield f"{word} begins"
    yield f"{word} ends"
    return word.upper()


def test_events_are_merged_and_results_are_in_order() -> None:
    tasks = [partial(echo, word) for word in "abcde"]
    seen = list(together(tasks, 2))
    assert sorted(seen) == sorted(f"{word} {what}" for word in "abcde" for what in ("begins", "ends"))
    assert to_end(together(tasks, 2)) == ["A", "B", "C", "D", "E"]
    assert to_end(together([])) == []


def test_no_more_than_so_many_run_at_once() -> None:
    running, most, both = 0, 0, threading.Barrier(2, timeout=SOON)

    def task() -> Generator[str, None, None]:
        nonlocal running, most
        running += 1
        both.wait()
        most = max(most, running)
        both.wait()
        running -= 1
        yield ""

    to_end(together([task] * 4, 2))
    assert most == 2


def waits_in_transfer() -> Generator[object, None, None]:
    yield "began"
    yield from transfer(SLEEP)


def waits_in_run() -> Generator[object, None, None]:
    yield "began"
    run(SLEEP, check=False)


def waits_for_an_answer() -> Generator[object, None, None]:
    yield "began"
    with Conversation(SLEEP) as conversation:
        conversation.ask("?", lambda word: word)


def handles_errors() -> Generator[object, None, None]:
    yield "began"
    for _ in range(3):
        try:
            run(SLEEP)
        except CommandError:
            continue


@pytest.mark.parametrize("other", [waits_in_transfer, waits_in_run, waits_for_an_answer, handles_errors])
def test_the_first_error_ends_the_others(other: Callable[[], Generator[object, None, None]]) -> None:
    begun = threading.Event()

    def reported() -> Generator[object, None, None]:
        steps = other()
        yield next(steps)
        begun.set()
        yield from steps

    def failing() -> Generator[object, None, None]:
        yield "fails"
        begun.wait(SOON)
        raise ValueError("the first")

    before, threads = time.monotonic(), threading.active_count()
    with pytest.raises(ValueError, match="the first"):
        to_end(together([failing, reported, other], 2))
    assert time.monotonic() - before < SOON
    assert threading.active_count() <= threads + 2


def test_a_consumer_that_stops_ends_all() -> None:
    steps = together([waits_in_transfer, waits_in_run], 2)
    before = time.monotonic()
    assert next(steps) == "began"
    steps.close()
    assert time.monotonic() - before < SOON
