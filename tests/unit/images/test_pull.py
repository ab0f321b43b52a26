"""A pull is repeated after a network failure, and not after a refusal of the registry."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.images import pull
from rofecare_infra.images.pull import ATTEMPTS
from rofecare_infra.process import Result
from rofecare_infra.progress import Event, Note, Working
from tests.support.fakes import FakeClock, drain

# By its full name: in the package, `pull` is the function.
MODULE = sys.modules["rofecare_infra.images.pull"]
BROKEN = Result((), 1, "", "a1b2: Pulling fs layer\nread tcp 10.0.0.2:443: connection reset by peer\n")
DONE = Result((), 0, "postgres:17\n", "")


def pulled(monkeypatch: pytest.MonkeyPatch, *results: Result) -> tuple[list[Event], FakeClock]:
    left = list(results)

    def run(argv: list[str], **options: Any) -> Result:
        assert argv == ["docker", "pull", "--quiet", "postgres:17"]
        assert options == {"check": False}
        return left.pop(0)

    monkeypatch.setattr(MODULE, "run", run)
    clock = FakeClock()
    events, _ = drain(pull("postgres:17", "identity-db", clock.clock))
    assert left == []
    return events, clock


def test_the_first_attempt_may_be_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    events, clock = pulled(monkeypatch, DONE)
    assert events == [Working("pulling postgres:17")]
    assert clock.slept == []


def test_a_pull_is_repeated_after_a_network_failure_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    events, clock = pulled(monkeypatch, BROKEN, BROKEN, DONE)
    assert events == [
        Working("pulling postgres:17"),
        Note("the pull of postgres:17 failed (read tcp 10.0.0.2:443: connection reset by peer); trying again"),
        Working("pulling postgres:17, attempt 2 of 4"),
        Note("the pull of postgres:17 failed (read tcp 10.0.0.2:443: connection reset by peer); trying again"),
        Working("pulling postgres:17, attempt 3 of 4"),
    ]
    assert clock.slept == [2, 4]


def test_in_the_end_the_image_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError) as caught:
        pulled(monkeypatch, *[BROKEN] * ATTEMPTS)
    assert caught.value.what == "image postgres:17 cannot be pulled"
    assert caught.value.seen == "read tcp 10.0.0.2:443: connection reset by peer (4 of 4 attempts)"
    assert caught.value.expected == "the image that identity-db needs"


@pytest.mark.parametrize(
    "expected",
    [
        "Error response from daemon: manifest for postgres:17 not found: manifest unknown: manifest unknown",
        "Error response from daemon: pull access denied for x, repository does not exist or may require 'docker login'",
        "Error response from daemon: Head: unauthorized: authentication required",
        "no matching manifest for linux/arm64/v8 in the manifest list entries",
    ],
)
def test_a_no_is_final(monkeypatch: pytest.MonkeyPatch, expected: str) -> None:
    with pytest.raises(CommandError) as caught:
        pulled(monkeypatch, Result((), 1, "", expected + "\n"))
    assert caught.value.seen == f"{expected} (1 of 4 attempts)"


def test_an_interruption_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_argv: list[str], **_options: Any) -> Result:
        raise KeyboardInterrupt

    monkeypatch.setattr(MODULE, "run", run)
    with pytest.raises(KeyboardInterrupt):
        drain(pull("postgres:17", "identity-db", FakeClock().clock))
