"""The JSON of the tasks is a contract: the documents list every event and result with its fields and types.

What a task prints is read from its code: the arguments of `record`.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import io
import json
import re
import textwrap
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from rofecare_infra.boundary.command import Command
from rofecare_infra.progress import SCHEMA, Event, Failed, Result, Scope, renderer_for
from tests.support.namespace import load_namespace

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("docs/json.md", "docs/fr/json.md")
EVENTS = (*get_args(Event), Result, Failed)
# In Python -> in the documents, alone and in an array or object.
TYPES = {str: ("string", "strings"), int: ("integer", "integers"), float: ("number", "numbers")}
_FIELD = re.compile(r"^\| `([A-Z]\w+)` \| `(\w+)` \| ([^|]+) \|", re.MULTILINE)
_TASK = re.compile(r"^\| `([a-z-]+)` \| ([^|]+) \|", re.MULTILINE)


def bodies() -> dict[str, Any]:
    """The functions of the tasks with --json."""
    namespace = load_namespace(ROOT)
    tasks = {name: namespace[name] for name in namespace.task_names}
    found = {name: one for name, one in tasks.items() if "json" in [flag.name for flag in one.get_arguments()]}
    assert all(isinstance(one, Command) for one in found.values())
    return {name: inspect.unwrap(one.body) for name, one in found.items()}


def results_of(body: Any) -> tuple[type[Any], ...]:
    """The classes of what a task passes to `record`, in the order of its code."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(body)))
    names: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module or "")
            for one in node.names:
                found = getattr(module, one.name, None) or importlib.import_module(f"{node.module}.{one.name}")
                names[one.asname or one.name] = found
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_record(node)]
    return tuple(_class_of(call.args[0], names) for call in sorted(calls, key=lambda call: call.lineno))


def _is_record(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "record"


def _class_of(argument: ast.expr, names: Mapping[str, Any]) -> type[Any]:
    """The class in `room.Kind(...)`, `room.Kind.of(...)`, or in a list of them."""
    made = argument.elt if isinstance(argument, ast.ListComp) else argument
    assert isinstance(made, ast.Call), f"the class is not visible in {ast.unparse(argument)}"
    room, kind = ast.unparse(made.func).removesuffix(".of").split(".")
    found: type[Any] = getattr(names[room], kind)
    assert dataclasses.is_dataclass(found)
    return found


RESULTS = {name: results_of(body) for name, body in bodies().items()}


def parts_of(hint: Any) -> Iterator[type[Any]]:
    """The dataclasses in a type."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        yield hint
    for one in get_args(hint):
        yield from parts_of(one)


def with_parts(kinds: tuple[type[Any], ...]) -> tuple[type[Any], ...]:
    """The classes, and those of their fields."""
    found: dict[type[Any], None] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop(0)
        if kind not in found:
            found[kind] = None
            waiting += [part for hint in get_type_hints(kind).values() for part in parts_of(hint)]
    return tuple(found)


KINDS = with_parts((*EVENTS, *(kind for kinds in RESULTS.values() for kind in kinds)))


def described(hint: Any, *, several: bool = False) -> str:
    """A type as the documents write it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        (one,) = [each for each in arguments if each is not type(None)]
        return f"{described(one)} or null"
    if origin is tuple:
        return f"array of {described(arguments[0], several=True)}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"object of {described(arguments[1], several=True)}"
    if dataclasses.is_dataclass(hint):
        return f"`{hint.__name__}`"  # type: ignore[union-attr]
    if hint is bool:
        return "boolean"
    # An enumeration is one of its texts.
    (base,) = [one for one in TYPES if issubclass(hint, one)]
    return TYPES[base][several]


def fields_of(kind: type[Any]) -> dict[str, str]:
    hints = get_type_hints(kind)
    return {field.name: described(hints[field.name]) for field in dataclasses.fields(kind)}


def test_no_two_kinds_have_the_same_name() -> None:
    assert len({kind.__name__ for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_documents_list_every_field(path: str) -> None:
    listed: dict[str, dict[str, str]] = {}
    for kind, field, what in _FIELD.findall((ROOT / path).read_text()):
        listed.setdefault(kind, {})[field] = what
    assert listed == {kind.__name__: fields_of(kind) for kind in KINDS}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_documents_list_the_results_of_every_task(path: str) -> None:
    listed = {task: re.findall(r"`(\w+)`", kinds) for task, kinds in _TASK.findall((ROOT / path).read_text())}
    assert listed == {task: [kind.__name__ for kind in kinds] for task, kinds in RESULTS.items()}


@pytest.mark.parametrize("task", RESULTS)
def test_every_task_with_json_prints_a_result(task: str) -> None:
    assert RESULTS[task]


def sample(hint: Any) -> Any:
    """A value of a type."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        return sample(arguments[0])
    if origin is tuple:
        return (sample(arguments[0]),)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"key": sample(arguments[1])}
    if dataclasses.is_dataclass(hint):
        return sample_of(hint)
    if hint is not bool and issubclass(hint, str):
        return hint("text") if hint is str else next(iter(hint))
    return hint(1)


def sample_of(kind: Any) -> Any:
    hints = get_type_hints(kind)
    return kind(**{field.name: sample(hints[field.name]) for field in dataclasses.fields(kind)})


def check(value: object, what: str) -> None:
    """Whether a printed value has a documented type."""
    what = what.removesuffix(" or null")
    if what.startswith(("array of ", "object of ")):
        container, _, inner = what.partition(" of ")
        assert isinstance(value, list if container == "array" else dict)
        for one in value.values() if isinstance(value, dict) else value:
            check(one, inner)
    elif what.startswith("`"):
        assert isinstance(value, dict)
        kind = next(one for one in KINDS if one.__name__ == what.strip("`"))
        assert set(value) == set(fields_of(kind))
        for name, inner in fields_of(kind).items():
            check(value[name], inner)
    else:
        accepted = {"string": str, "integer": int, "number": int | float, "boolean": bool}[what.removesuffix("s")]
        assert isinstance(value, accepted), what


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_each_is_printed_as_documented(kind: type[Any]) -> None:
    stream = io.StringIO()
    renderer = renderer_for(stream, as_json=True)
    if kind in EVENTS:
        renderer.show(sample_of(kind))
    else:
        Scope(renderer).record(sample_of(kind))
    (line,) = stream.getvalue().splitlines()
    printed = json.loads(line)
    assert printed.pop("schema") == SCHEMA
    assert printed.pop("event") == kind.__name__
    check(printed, f"`{kind.__name__}`")


def test_a_list_is_one_array_whose_objects_have_the_schema() -> None:
    (kind,) = RESULTS["backups"]
    stream = io.StringIO()
    renderer_for(stream, as_json=True).record([sample_of(kind), sample_of(kind)])
    (line,) = stream.getvalue().splitlines()
    assert [(one["schema"], one["event"]) for one in json.loads(line)] == [(SCHEMA, "Backup")] * 2


@pytest.mark.parametrize("task", RESULTS)
def test_for_people_a_result_is_only_its_text(task: str) -> None:
    stream = io.StringIO()
    for kind in RESULTS[task]:
        renderer_for(stream).record(sample_of(kind))
    assert stream.getvalue() == ""
