"""Which images a node gets, and which of their layers it has."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from rofecare_infra.engine import Engine, Image
from rofecare_infra.errors import CommandError
from rofecare_infra.swarm import images
from rofecare_infra.swarm.images import Stored, Thinned, missing, skippable
from tests.support.fakes import service
from tests.support.swarm import node

BASE, A, B = (
    Stored("base", ("base:1",), ("l1",)),
    Stored("a", ("a:1",), ("l1", "l2")),
    Stored("b", ("b:1",), ("l1", "l3")),
)


class Local(Engine):
    def __init__(self, **found: Image) -> None:
        self.found = found
        self.tags: list[tuple[str, str]] = []

    def image(self, name: str) -> Image | None:
        return self.found.get(name.partition(":")[0])

    def tag(self, image: str, name: str) -> None:
        self.tags.append((image, name))


def test_nodes_get_only_what_they_may_run() -> None:
    services = [service("db"), service("app"), service("redis")]
    nodes = [node(), node("node2"), node("node3", state="down")]
    pinned = {"db": "node2", "redis": "node3"}
    assert images.wanted(services, nodes, pinned) == {
        "node1": ("image/app:1",),
        "node2": ("image/db:1", "image/app:1"),
    }


def test_an_image_under_another_id_is_missing_too() -> None:
    local = {"a:1": A, "b:1": B, "untagged": BASE}
    assert missing(local, []) == local
    assert missing(local, [A, Stored("old", ("b:1",)), Stored("base", ("untagged:latest",))]) == {"b:1": B}


def test_where_ids_are_others_the_layers_count() -> None:
    there = [Stored("digest", ("a:1",), A.layers), Stored("digest", ("b:1",), A.layers)]
    assert missing({"a:1": A, "b:1": B, "base:1": BASE}, there, same_ids=False) == {"b:1": B, "base:1": BASE}


def test_a_layer_is_left_out_only_with_all_layers_below_it() -> None:
    assert skippable([A, B], []) == set()
    assert skippable([A, B], [BASE]) == {"l1"}
    assert skippable([A, B], [A]) == {"l1", "l2"}
    # The same layer on top of others is another one for the engine.
    swapped = Stored("c", (), ("l2", "l1"))
    assert skippable([swapped], [A]) == set()
    assert skippable([A, swapped], [A]) == set()


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        for name in names:
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
            content = b"" if member.isdir() else name.encode()
            member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_an_archive_is_copied_without_the_layers_that_are_skipped() -> None:
    out = io.BytesIO()
    thinned = Thinned(["sha256:aa", "sha256:cc"])
    names = ("blobs/", "blobs/sha256/aa", "blobs/sha256/bb", "manifest.json")
    thinned.copy(io.BytesIO(archive(*names)), out)
    out.seek(0)
    with tarfile.open(fileobj=out) as made:
        assert made.getnames() == ["blobs", "blobs/sha256/bb", "manifest.json"]
        assert made.extractfile("manifest.json").read() == b"manifest.json"  # type: ignore[union-attr]
    assert (thinned.skipped, thinned.size) == (1, len("blobs/sha256/bb") + len("manifest.json"))


def test_half_an_archive_is_an_error() -> None:
    with pytest.raises(tarfile.ReadError):
        Thinned([]).copy(io.BytesIO(archive("one", "two")[:700]), io.BytesIO())


def test_an_image_is_named_by_its_content() -> None:
    engine = Local(db=Image("sha256:0123456789abcdef"), front=Image("sha256:ff"))
    found = images.references(engine, ["db:1", "front", "db:1"])
    assert found == {"db:1": "db:1-0123456789ab", "front": "front:latest-ff"}
    assert engine.tags == [("sha256:0123456789abcdef", "db:1-0123456789ab"), ("sha256:ff", "front:latest-ff")]
    with pytest.raises(CommandError, match="absent"):
        images.references(engine, ["absent:1"])


def test_the_answer_of_an_engine() -> None:
    described = json.loads('{"Id": "sha256:1", "RepoTags": null, "RootFS": {"Type": "layers"}}')
    assert images._stored(described) == Stored("sha256:1")
