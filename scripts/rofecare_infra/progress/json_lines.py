"""Prints events and results as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from rofecare_infra.progress.events import Event, Failed, Result
from rofecare_infra.progress.parts import Part, joined
from rofecare_infra.progress.sink import Sink

# Of the JSON objects: a number that grows when a field is removed or gets another meaning.
SCHEMA = 1


class JsonLines:
    """One JSON object per event."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def show(self, event: Event | Result | Failed) -> None:
        """Print the kind and the fields of the event."""
        record = {"schema": SCHEMA, "event": type(event).__name__, **dataclasses.asdict(event)}
        self._sink.line(json.dumps(record))

    def say(self, text: str = "") -> None:
        """Print a result as a separate event."""
        if text:
            self.show(Result(text))

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print the line without its styles."""
        self.say(joined(parts))

    def close(self) -> None:
        """Do nothing: this renderer holds no resource."""
