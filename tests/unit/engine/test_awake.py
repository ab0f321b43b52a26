"""A wait ends its sleep when the engine reports a change, and sleeps on where it reports none."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import requests

from rofecare_infra.engine import Engine
from rofecare_infra.state import Clock


class Events:
    """A stream of events that the test feeds; an error ends it."""

    def __init__(self) -> None:
        self.arrived: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[object]:
        while (item := self.arrived.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        self.closed.set()
        self.arrived.put(None)


def engine_of(events: Events, asked: dict[str, Any]) -> Engine:
    def stream(**options: Any) -> Events:
        asked.update(options)
        return events

    return Engine(SimpleNamespace(api=SimpleNamespace(events=stream)))  # type: ignore[arg-type]


def test_a_change_ends_the_sleep() -> None:
    events, asked = Events(), dict[str, Any]()
    slept: list[float] = []
    with engine_of(events, asked).awake("p", Clock(lambda: 0.0, slept.append, lambda: 0.0)) as clock:
        events.arrived.put({"Action": "health_status: healthy"})
        # Ten minutes: the test ends by its own limit if the event does not end it.
        clock.sleep(600)
    assert slept == [0.05]
    assert asked["filters"]["label"] == "com.docker.compose.project=p"
    assert {"die", "health_status"} <= set(asked["filters"]["event"])
    assert events.closed.is_set()


def test_a_connection_that_breaks_is_no_error() -> None:
    events, slept = Events(), list[float]()
    with engine_of(events, {}).awake("p", Clock(lambda: 0.0, slept.append, lambda: 0.0)) as clock:
        events.arrived.put(requests.ConnectionError("gone"))
        clock.sleep(0.05)
        clock.sleep(0.02)
    assert slept == [0.05, 0.02]
