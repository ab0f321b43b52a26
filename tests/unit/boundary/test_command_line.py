"""Several names after a task, and unknown words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from invoke.exceptions import Exit, ParseError

from rofecare_infra.boundary.command_line import Words, or_exit, spread, words_of
from tests.support.namespace import load_namespace

NAMES = {"--service", "-s"}
TASKS = {
    "build": Words("--service", frozenset(NAMES)),
    "logs": Words("--service", frozenset({*NAMES, "--tail", "-t", "--since", "--level", "--grep"})),
    "bench": Words("", frozenset({"--only", "--runs"})),
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ""),
        ("status", "status"),
        ("status --json", "status --json"),
        ("build", "build"),
        ("build identity", "build --service=identity"),
        ("build identity patient", "build --service=identity --service=patient"),
        ("logs gateway --tail 5 redis", "logs --service=gateway --tail 5 --service=redis"),
        ("logs --tail 5 gateway", "logs --tail 5 --service=gateway"),
        ("logs --tail=5 gateway", "logs --tail=5 --service=gateway"),
        ("logs -t 5 --since 10m gateway --no-follow", "logs -t 5 --since 10m --service=gateway --no-follow"),
        (
            "logs --raw --level warn gateway --grep refused redis",
            "logs --raw --level warn --service=gateway --grep refused --service=redis",
        ),
        ("logs --tail -1 gateway", "logs --tail -1 --service=gateway"),
        ("logs build", "logs --service=build"),
        ("stop-all --volumes", "stop-all --volumes"),
        ("stop-all build redis", "stop-all build --service=redis"),
        ("build --service identity patient", "build --service identity --service=patient"),
        ("build -s identity", "build -s identity"),
        # The value of a flag may be called as a task is.
        ("bench --only build --runs 1", "bench --only build --runs 1"),
        ("bench --runs 1 build redis", "bench --runs 1 build --service=redis"),
    ],
)
def test_bare_words_after_such_a_task_are_its_names(words: str, expected: str) -> None:
    assert spread(words.split(), TASKS) == expected.split()


def _int() -> None:
    int("abc")


def _unknown() -> None:
    raise ParseError("No idea what 'statsu' is!")


@pytest.mark.parametrize(
    ("parse", "expected"), [(_int, ["seen:     'abc'", "expected: a whole number"]), (_unknown, ["'statsu'"])]
)
def test_what_cannot_be_parsed_is_a_fault_of_usage(parse: Callable[[], None], expected: list[str]) -> None:
    with pytest.raises(Exit) as caught:
        or_exit(parse)()
    assert caught.value.code == 2
    assert all(part in str(caught.value.message) for part in [*expected, "inv --help <task>"])


def test_what_can_be_parsed_goes_on() -> None:
    or_exit(lambda: None)()


def test_what_takes_bare_words_is_read_from_the_signatures(root: Path) -> None:
    found = words_of(load_namespace(root))
    assert {name: words.flag for name, words in found.items() if words.flag} == {
        "build": "--service",
        "logs": "--service",
        "place": "--pin",
        "restore": "--id",
        "sbom": "--image",
        "search-logs": "--text",
        "unpack-backup": "--id",
        "verify-backup": "--id",
        "why": "--service",
    }
    assert found["build"].valued == {"--service", "-s"}
    # A switch such as --raw has no value.
    assert found["logs"].valued == {
        *("--service", "-s", "--tail", "-t", "--since", "-i"),
        *("--level", "-l", "--grep", "-g"),
    }
    assert found["restore"].valued == {"--id", "-i", "--only", "-o", "--from-project", "-f", "--part", "-p"}
    assert {"--text", "--trace", "-r", "--level", "-l", "--limit", "-m"} < found["search-logs"].valued
