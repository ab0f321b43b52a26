"""The JSON of the tasks is a contract: the documents list every event with its fields and types."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from rofecare_infra.progress import SCHEMA, Event, Failed, Result, renderer_for

ROOT = Path(__file__).resolve().parents[2]
KINDS = (*get_args(Event), Result, Failed)
# In Python -> in the documents.
TYPES = {
    str: "string",
    int: "integer",
    float: "number",
    tuple[str, ...]: "array of strings",
    Mapping[str, str]: "object of strings",
    Mapping[str, float]: "object of numbers",
}
SAMPLES: dict[str, object] = {
    "string": "text",
    "integer": 3,
    "number": 1.5,
    "array of strings": ("a", "b"),
    "object of strings": {"a": "b"},
    "object of numbers": {"a": 1.5},
}
_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| ([^|]+) \|", re.MULTILINE)
ACCEPTED: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "array of strings": (list,),
    "object of strings": (dict,),
    "object of numbers": (dict,),
}


def fields_of(kind: type[Any]) -> dict[str, str]:
    hints = get_type_hints(kind)
    return {field.name: TYPES[hints[field.name]] for field in dataclasses.fields(kind)}


@pytest.mark.parametrize("path", ["docs/json.md", "docs/fr/json.md"])
def test_the_documents_list_every_event(path: str) -> None:
    listed: dict[str, dict[str, str]] = {}
    for event, field, kind in re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| ([^|]+) \|", (ROOT / path).read_text(), re.MULTILINE
    ):
        listed.setdefault(event, {})[field] = kind
    assert listed == {kind.__name__: fields_of(kind) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_each_event_is_printed_as_documented(kind: type[Any]) -> None:
    fields = fields_of(kind)
    stream = io.StringIO()
    renderer_for(stream, as_json=True).show(kind(**{name: SAMPLES[one] for name, one in fields.items()}))
    (line,) = stream.getvalue().splitlines()
    printed = json.loads(line)
    assert printed.pop("schema") == SCHEMA
    assert printed.pop("event") == kind.__name__
    assert set(printed) == set(fields)
    for name, value in printed.items():
        assert isinstance(value, ACCEPTED[fields[name]]), name
