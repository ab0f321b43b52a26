"""A pulled image is the recorded one, or it does not get the name that containers use."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from rofecare_infra.engine import Image
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.images import fetch
from rofecare_infra.images.lockfile import Lockfile
from rofecare_infra.process import Result
from tests.support.fakes import FakeClock, FakeEngine, drain

# By its full name: in the package, `pull` is the function.
MODULE = sys.modules["rofecare_infra.images.pull"]
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
NAME, PINNED = "postgres:17", f"postgres@{ONE}"
LOCK = Lockfile({NAME: ONE, "redis:8": None})
DONE = Result((), 0, "", "")


class Registry:
    """Answers pulls, and puts into the engine what it has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: Callable[[str], Result]) -> None:
        self.engine = FakeEngine()
        self.pulled: list[str] = []
        self._answer = answer
        monkeypatch.setattr(MODULE, "run", self._run)

    def _run(self, argv: list[str], *, check: bool) -> Result:
        assert not check
        self.pulled.append(argv[-1])
        return self._answer(argv[-1])

    def fetch(self, image: str = NAME, lock: Lockfile = LOCK) -> None:
        """Fetch an image."""
        drain(fetch(image, "identity-db", FakeClock().clock, self.engine, lock))


def having(monkeypatch: pytest.MonkeyPatch, *digests: str) -> Registry:
    """A registry whose pulls give the image with these digests."""

    def answer(name: str) -> Result:
        registry.engine.images[name] = Image("sha256:pulled", digests=tuple(f"postgres@{one}" for one in digests))
        return DONE

    registry = Registry(monkeypatch, answer)
    return registry


def refusing(monkeypatch: pytest.MonkeyPatch, error: str) -> Registry:
    return Registry(monkeypatch, lambda _: Result((), 1, "", f"Error response from daemon: {error}\n"))


def test_the_recorded_image_gets_its_name_after_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = having(monkeypatch, TWO, ONE)
    registry.fetch()
    assert registry.pulled == [PINNED]
    assert registry.engine.images[NAME] == Image("sha256:pulled")


def test_an_image_with_another_digest_does_not_get_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = having(monkeypatch, TWO)
    with pytest.raises(VerificationError) as caught:
        registry.fetch()
    assert (caught.value.seen, caught.value.exit_code) == (TWO, 8)
    assert caught.value.expected == f"{ONE}, recorded in images.lock"
    assert NAME not in registry.engine.images


@pytest.mark.parametrize(
    "error",
    [
        f"manifest for {PINNED} not found: manifest unknown: manifest unknown",
        f'failed to resolve reference "docker.io/library/{PINNED}": docker.io/library/{PINNED}: not found',
        f"manifest verification failed for digest {ONE}",
    ],
)
def test_a_registry_with_another_image_is_an_error_at_once(monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    registry = refusing(monkeypatch, error)
    with pytest.raises(VerificationError) as caught:
        registry.fetch()
    assert error in caught.value.seen
    assert caught.value.what.startswith("registry-1.docker.io does not have the recorded image postgres:17")
    assert len(registry.pulled) == 1
    assert NAME not in registry.engine.images


@pytest.mark.parametrize(
    "error",
    ["denied: requested access to the resource is denied", "not found: name unknown: repository name not known"],
)
def test_a_refusal_for_another_reason_stays_what_it_is(monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    with pytest.raises(CommandError, match="cannot be pulled"):
        refusing(monkeypatch, error).fetch()


def test_the_error_of_a_mirror_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = refusing(monkeypatch, "manifest unknown")
    with pytest.raises(VerificationError) as caught:
        registry.fetch("mirror:5000/postgres:17", Lockfile({NAME: ONE}, "mirror:5000/"))
    assert registry.pulled == [f"mirror:5000/postgres@{ONE}"]
    assert "mirror:5000 does not have" in caught.value.what
    assert "images.mirror.lock" in caught.value.expected
    assert "inv outdated --write  accepts that for the mirror (IMAGE_PREFIX)" in caught.value.next_step


@pytest.mark.parametrize("image", ["redis:8", "mine:1"])
def test_without_a_recorded_digest_the_tag_is_pulled(monkeypatch: pytest.MonkeyPatch, image: str) -> None:
    registry = having(monkeypatch, TWO)
    registry.fetch(image)
    assert registry.pulled == [image]
    assert registry.engine.images[image].digests == (f"postgres@{TWO}",)


def test_the_recorded_image_is_not_pulled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = having(monkeypatch, ONE)
    registry.engine.images[NAME] = Image("sha256:here", digests=(f"mirror:5000/postgres@{ONE}",))
    registry.fetch()
    assert registry.pulled == []


def test_another_local_image_gives_its_name_to_the_recorded_one(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = having(monkeypatch, ONE)
    registry.engine.images[NAME] = Image("sha256:loaded")
    registry.fetch()
    assert registry.engine.images[NAME].id == "sha256:pulled"
