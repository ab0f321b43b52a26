"""What the registries of the upstream images have, and what they do not answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.images import outdated
from rofecare_infra.images.catalog import Catalog, NoAnswerError
from rofecare_infra.images.lockfile import Lockfile
from rofecare_infra.images.outdated import UpstreamImage, error_of, look_up
from rofecare_infra.progress import Working
from tests.support.fakes import drain

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


class FakeCatalog(Catalog):
    """A repository with these tags; a text in place of the digest or the tags is an error."""

    def __init__(self, digest: str, tags: frozenset[str] | str = frozenset()) -> None:
        self._found = digest
        self._tags = tags

    def digest(self) -> str:
        """The digest, or the error."""
        if not self._found.startswith("sha256:"):
            raise NoAnswerError(self._found)
        return self._found

    def tags(self) -> frozenset[str]:
        """The tags, or the error."""
        if isinstance(self._tags, str):
            raise NoAnswerError(self._tags)
        return self._tags


def looked_up(lock: Lockfile, catalogs: Mapping[str, Catalog]) -> tuple[UpstreamImage, ...]:
    events, found = drain(look_up(lock, catalogs.__getitem__))
    assert events == [Working(f"asking the registries of {len(catalogs)} images")]
    assert isinstance(found, tuple)
    return found


def test_each_image_is_compared_with_its_registry() -> None:
    lock = Lockfile({"redis:8.2.9": None, "postgres:17.11": ONE, "quay.io/a/b:v1.0": ONE})
    found = looked_up(
        lock,
        {
            "redis:8.2.9": FakeCatalog(ONE, frozenset({"8.2.9", "8.2.10", "9.0.1"})),
            "postgres:17.11": FakeCatalog(ONE),
            "quay.io/a/b:v1.0": FakeCatalog(TWO, frozenset({"v1.1"})),
        },
    )
    assert [one.row for one in found] == [
        ("postgres", "17.11", "", "", "recorded"),
        ("quay.io/a/b", "v1.0", "v1.1", "", "differs"),
        ("redis", "8.2.9", "8.2.10", "9.0.1", "not recorded"),
    ]
    assert [one.name for one in found] == ["postgres:17.11", "quay.io/a/b:v1.0", "redis:8.2.9"]
    assert error_of(found) is None


def test_with_a_mirror_the_mirror_is_asked() -> None:
    lock = Lockfile({"quay.io/a/b:v1.0": TWO}, "mirror:5000/")
    (found,) = looked_up(lock, {"mirror:5000/a/b:v1.0": FakeCatalog(TWO)})
    assert (found.name, found.state) == ("quay.io/a/b:v1.0", "recorded")


def test_what_is_known_is_shown_beside_what_is_not() -> None:
    lock = Lockfile({"a:1.0": ONE, "b:1.0": None, "c:1.0": None, "d:1.0": None})
    found = looked_up(
        lock,
        {
            "a:1.0": FakeCatalog("quay.io: no answer"),
            "b:1.0": FakeCatalog("quay.io: no answer"),
            "c:1.0": FakeCatalog(TWO, "mirror: answers with status 405"),
            "d:1.0": FakeCatalog(ONE, frozenset({"1.1"})),
        },
    )
    assert [(one.digest, one.state, one.newest) for one in found] == [
        (None, "unknown", ""),
        (None, "unknown", ""),
        (TWO, "not recorded", ""),
        (ONE, "not recorded", "1.1"),
    ]
    error = error_of(found)
    assert isinstance(error, CommandError)
    assert error.what == "3 of 4 upstream images could not be looked up"
    assert error.seen == "mirror: answers with status 405; quay.io: no answer"


def test_few_requests_are_sent_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outdated, "_AT_ONCE", 2)
    both = threading.Barrier(2, timeout=10)

    class Waiting(FakeCatalog):
        def digest(self) -> str:
            both.wait()
            return super().digest()

    lock = Lockfile(dict.fromkeys(["a:1", "b:1", "c:1", "d:1"]))
    found = looked_up(lock, {image: Waiting(ONE) for image in lock.digests})
    assert [one.state for one in found] == ["not recorded"] * 4
