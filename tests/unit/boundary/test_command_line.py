"""Several names after a task, and unknown words."""

from __future__ import annotations

import pytest

from rofecare_infra.boundary.command_line import spread

NAMES = {"--service", "-s"}
TASKS = {"build": frozenset(NAMES), "logs": frozenset({*NAMES, "--tail", "-t", "--since"})}


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
        ("logs --tail -1 gateway", "logs --tail -1 --service=gateway"),
        ("logs build", "logs --service=build"),
        ("stop-all --volumes", "stop-all --volumes"),
        ("stop-all build redis", "stop-all build --service=redis"),
        ("build --service identity patient", "build --service identity --service=patient"),
        ("build -s identity", "build -s identity"),
    ],
)
def test_bare_words_after_such_a_task_are_its_names(words: str, expected: str) -> None:
    assert spread(words.split(), TASKS) == expected.split()
