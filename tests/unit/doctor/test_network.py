"""Which images a start could get."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rofecare_infra.compose import Compose
from rofecare_infra.doctor import network
from rofecare_infra.doctor.finding import Level
from rofecare_infra.errors import CommandError, SettingsError
from rofecare_infra.images import Sources, registry
from rofecare_infra.platform import Platform
from tests.support.fakes import service

SOURCES = Sources(Compose(Path("/nowhere")), Platform("p", ()), reasons=("infrastructure images: registry",))


def test_an_image_that_no_registry_provides_is_a_problem_of_the_settings() -> None:
    lost = service("redis", image="mirror.example/redis:8")
    (found,) = network.judged(SOURCES, [lost], [lost])
    assert (found.level, found.error) == (Level.PROBLEM, SettingsError)
    assert "mirror.example/redis:8 is neither on this machine nor provided by mirror.example" in found.seen


def test_images_that_will_be_built_or_pulled_are_counted() -> None:
    (found,) = network.judged(SOURCES, [service("a", image="x"), service("b", image="x")], [])
    assert found.line.endswith("1 are built or pulled by the next start; infrastructure images: registry")
    (found,) = network.judged(SOURCES, [], [])
    assert "all are on this machine" in found.seen


def test_answers_that_come_after_the_limit_or_fail_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(registry, "answers", lambda host, _limit: host == "good" or (host == "slow" and never.wait(5)))

    def offers(image: str, _limit: float) -> bool:
        if image == "bad":
            raise CommandError("took too long")
        return image == "there"

    monkeypatch.setattr(registry, "offers", offers)
    found = network.ask(["good", "slow", "none"], ["there", "bad", "gone"], limit=0.2)
    never.set()
    assert found == network.Answers(frozenset({"good"}), frozenset({"there"}))


def test_without_questions_nothing_is_asked() -> None:
    assert network.ask([], []) == network.Answers()
