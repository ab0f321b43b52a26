"""Ends the sleep of a wait as soon as the engine reports a change; what counts is what the next look sees."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rofecare_infra.engine.answers import answers
from rofecare_infra.engine.records import LABEL_PROJECT
from rofecare_infra.errors import RofecareError
from rofecare_infra.state import Clock

if TYPE_CHECKING:
    import docker

_CHANGES = ["start", "die", "oom", "pause", "destroy", "health_status"]
# Seconds between two looks, however fast changes arrive.
_PAUSE = 0.05


class Changes:
    """The request for the events of the engine."""

    _api: docker.APIClient

    @contextmanager
    def awake(self, project: str, clock: Clock) -> Iterator[Clock]:
        """The same clock, whose sleep ends when a container of the project starts, ends, or changes its health.

        Without events, if the connection drops, it sleeps as long as it is asked to.
        """
        changed = threading.Event()
        with answers():
            stream = self._api.events(
                decode=True, filters={"type": "container", "event": _CHANGES, "label": f"{LABEL_PROJECT}={project}"}
            )
        threading.Thread(target=_listen, args=(stream, changed), daemon=True).start()

        def sleep(seconds: float) -> None:
            pause = min(seconds, _PAUSE)
            clock.sleep(pause)
            changed.wait(seconds - pause)
            changed.clear()

        try:
            yield replace(clock, sleep=sleep)
        finally:
            # It may have been closed by the engine.
            with suppress(Exception):
                stream.close()


def _listen(stream: Any, changed: threading.Event) -> None:  # noqa: ANN401 - the SDK is untyped
    with suppress(RofecareError), answers():
        for _ in stream:
            changed.set()
