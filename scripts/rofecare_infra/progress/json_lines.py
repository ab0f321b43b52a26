"""Prints events and results as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rofecare_infra.progress.events import Event, Failed, Result
from rofecare_infra.progress.parts import Part, joined
from rofecare_infra.progress.sink import Sink

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# Of the JSON objects: a number that grows when a field is removed or gets another meaning.
SCHEMA = 1


class JsonLines:
    """One JSON object per event."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def show(self, event: Event | Result | Failed) -> None:
        """Print the kind and the fields of the event."""
        self._sink.line(json.dumps(_object(event)))

    def record(self, result: DataclassInstance | Sequence[DataclassInstance]) -> None:
        """Print a result as one object, or several as one array."""
        found = [_object(one) for one in result] if isinstance(result, Sequence) else _object(result)
        self._sink.line(json.dumps(found))

    def say(self, text: str = "") -> None:
        """Print a result as a separate event."""
        if text:
            self.show(Result(text))

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Print the line without its styles."""
        self.say(joined(parts))

    def close(self) -> None:
        """Do nothing: this renderer holds no resource."""


def _object(value: DataclassInstance) -> dict[str, Any]:
    return {"schema": SCHEMA, "event": type(value).__name__, **dataclasses.asdict(value)}
