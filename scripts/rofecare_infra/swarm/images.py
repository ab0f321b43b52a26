"""Images on the nodes without a registry: over the connections of their engines, each layer once."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from rofecare_infra.engine import Engine, Node, Reach
from rofecare_infra.engine.reach import HERE, facts
from rofecare_infra.errors import CommandError
from rofecare_infra.platform import Service
from rofecare_infra.process import piped, reading, to_end, together, transfer
from rofecare_infra.progress import Event, Note, Working, listed, mebibytes

# Where an archive of `docker save` contains a layer, by its digest.
_BLOBS = "blobs/sha256/"
# The answer about all images of a node, in seconds.
_INVENTORY = 120.0
# Images that one command describes.
_BATCH = 200
# Bytes that are read and written at once.
_CHUNK = 1 << 18
# Of the id of an image, in the tag under which it is sent.
_DIGITS = 12


@dataclass(frozen=True)
class Stored:
    """An image on an engine."""

    id: str
    names: tuple[str, ...] = ()
    # The digests of its layers, from the lowest.
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sent:
    """What one node received."""

    node: str
    images: tuple[str, ...]
    # Layers that the archive contained, and those that were left out because the node has them.
    layers: int
    skipped: int
    size: int


def references(engine: Engine, images: Iterable[str]) -> dict[str, str]:
    """Image -> its name in the stack, which contains what identifies it: two builds of one tag have two names.

    It is a tag on this engine, under which the image is sent. Raises CommandError if one is absent.
    """
    found: dict[str, str] = {}
    for image in dict.fromkeys(images):
        local = engine.image(image)
        if local is None:
            raise CommandError(
                f"image {image} is not on this machine",
                seen="no image of this name",
                expected="every image on the manager before it is sent to the nodes",
                next_step="inv build; then run the same command again",
            )
        found[image] = f"{_tagged(image)}-{local.id.rpartition(':')[2][:_DIGITS]}"
        engine.tag(local.id, found[image])
    return found


def wanted(services: Iterable[Service], nodes: Iterable[Node], pinned: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Hostname -> the images of the services that run on a node, or may run there."""
    usable = [node.hostname for node in nodes if node.is_usable]
    found: dict[str, dict[str, None]] = {name: {} for name in usable}
    for one in services:
        for name in usable:
            if pinned.get(one.name, name) == name:
                found[name][one.image] = None
    return {name: tuple(images) for name, images in found.items()}


def provide(
    images: Mapping[str, Collection[str]], ways: Mapping[str, Reach], source: Reach = HERE
) -> Generator[Event, None, tuple[Sent, ...]]:
    """Send each node (hostname -> names of images) what it does not have; the nodes receive at the same time."""
    names = sorted({name for some in images.values() for name in some})
    local = dict(zip(names, _described(source, names), strict=True))
    classic = facts(source).skips_layers
    tasks = [
        partial(_provide, node, {name: local[name] for name in some}, ways[node], source, classic=classic)
        for node, some in images.items()
        if some
    ]
    found = yield from together(tasks)
    return tuple(one for one in found if one is not None)


def missing(local: Mapping[str, Stored], there: Iterable[Stored], *, same_ids: bool = True) -> dict[str, Stored]:
    """The images, by name, that the other engine does not have under this name.

    Two kinds of image stores give one image different ids; then its layers count.
    """
    named = {name: one for one in there for name in one.names}

    def is_there(name: str, image: Stored) -> bool:
        other = named.get(_tagged(name), Stored(""))
        return other.id == image.id if same_ids else bool(other.id) and other.layers == image.layers

    return {name: one for name, one in local.items() if not is_there(name, one)}


def skippable(sent: Iterable[Stored], there: Iterable[Stored]) -> frozenset[str]:
    """The layers that an archive of these images can leave out.

    An engine looks for a layer together with all layers below it: it has to have each of these chains.
    """
    known = {one.layers[: end + 1] for one in there for end in range(len(one.layers))}
    chains = {one.layers[: end + 1] for one in sent for end in range(len(one.layers))}
    needed = {chain[-1] for chain in chains - known}
    return frozenset({chain[-1] for chain in chains} - needed)


class Thinned:
    """Copies an archive of `docker save` without some layers; counts what it copies."""

    def __init__(self, skipped: Collection[str]) -> None:
        self._skipped = {f"{_BLOBS}{digest.rpartition(':')[2]}" for digest in skipped}
        self.skipped = 0
        self.size = 0

    def copy(self, archive: IO[bytes], out: IO[bytes]) -> None:
        """Copy from one stream to the other."""
        with (
            tarfile.open(fileobj=archive, mode="r|", bufsize=_CHUNK) as source,
            tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as target,
        ):
            for member in source:
                if member.name in self._skipped:
                    self.skipped += 1
                    continue
                target.addfile(member, source.extractfile(member) if member.isreg() else None)
                self.size += member.size


def _provide(
    node: str, local: Mapping[str, Stored], way: Reach, source: Reach, *, classic: bool
) -> Generator[Event, None, Sent | None]:
    there = _described(way, way.docker("image", "ls", "--quiet", "--no-trunc", timeout=_INVENTORY).stdout.split())
    skips = facts(way).skips_layers
    lacking = missing(local, there, same_ids=skips == classic)
    if not lacking:
        yield Note(f"{node} has its images: {listed(list(local)) or 'none'}")
        return None
    yield Working(f"sending {listed(list(lacking))} to {node}")
    sent = {one.id: one for one in lacking.values()}.values()
    thinned = Thinned(skippable(sent, there) if skips else ())
    with (
        reading([*source.words, "save", *lacking]) as archive,
        piped(partial(thinned.copy, archive)) as content,
    ):
        result = to_end(transfer([*way.words, "load", "--quiet"], source=content))
        if not result.ok:
            raise CommandError(
                f"{node} cannot receive its images",
                seen=result.last,
                expected="an engine that loads them",
                next_step=f"{' '.join(way.words)} info; then run the same command again",
                details=result.tail(8),
            )
    layers = len({layer for one in sent for layer in one.layers}) - thinned.skipped
    had = f"; {thinned.skipped} others were there" if thinned.skipped else ""
    yield Note(f"{node} received {listed(list(lacking))}: {layers} layers, {mebibytes(thinned.size)}{had}")
    return Sent(node, tuple(lacking), layers, thinned.skipped, thinned.size)


def _described(way: Reach, images: Sequence[str]) -> list[Stored]:
    """The images with these names or ids, in this order. Raises CommandError if one does not exist."""
    found: list[Stored] = []
    for begin in range(0, len(images), _BATCH):
        answer = way.docker("image", "inspect", *images[begin : begin + _BATCH], timeout=_INVENTORY)
        found += map(_stored, json.loads(answer.stdout))
    return found


def _stored(described: Mapping[str, Any]) -> Stored:
    layers = (described.get("RootFS") or {}).get("Layers") or ()
    return Stored(described["Id"], tuple(described.get("RepoTags") or ()), tuple(layers))


def _tagged(name: str) -> str:
    """The name as engines list it."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
