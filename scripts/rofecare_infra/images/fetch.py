"""Pulls an image and compares it with the lock file; a different one never gets the name that containers use."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Protocol

from rofecare_infra.engine import Image
from rofecare_infra.errors import CommandError, VerificationError
from rofecare_infra.images.lockfile import FILE, MIRROR_FILE, Lockfile
from rofecare_infra.images.names import host_of
from rofecare_infra.images.pull import pull
from rofecare_infra.progress import Event
from rofecare_infra.state import Clock

# The registry has the repository, but no image with this digest in it, or sends another one.
_OTHER = re.compile(r"manifest unknown|not found|manifest verification failed|unexpected .*digest", re.IGNORECASE)
_NO_REPOSITORY = re.compile(r"name unknown|repository name not known|no such host", re.IGNORECASE)


class Images(Protocol):
    """The part of the engine that is used here."""

    def image(self, name: str) -> Image | None:
        """The local image of this name."""

    def tag(self, image: str, name: str) -> None:
        """Add this name to a local image and remove it from any other image."""


def fetch(image: str, whose: str, clock: Clock, engine: Images, lock: Lockfile) -> Generator[Event, None, None]:
    """Pull `image`, needed by `whose`: exactly the recorded one, if its digest is in the lock file.

    It is pulled by its digest and gets its name after the comparison: an image that differs is never used, not even
    by the next command after an interruption. A recorded image whose tag has moved since is still found.
    Raises VerificationError if the registry has another image, CommandError if it provides none.
    """
    digest, pinned = lock.digest_of(image), lock.pinned(image)
    if digest is None:
        yield from pull(image, whose, clock)
        return
    local = engine.image(image)
    if local is not None and digest in _digests(local):
        return
    try:
        yield from pull(pinned, whose, clock)
    except CommandError as error:
        if not _OTHER.search(error.seen) or _NO_REPOSITORY.search(error.seen):
            raise
        raise _differs(image, digest, lock, error.seen) from error
    found = engine.image(pinned)
    if found is None or digest not in _digests(found):
        seen = ", ".join(sorted(_digests(found))) if found is not None else ""
        raise _differs(image, digest, lock, seen or "no digest")
    engine.tag(found.id, image)


def _digests(image: Image) -> set[str]:
    return {name.rpartition("@")[2] for name in image.digests}


def _differs(image: str, digest: str, lock: Lockfile, seen: str) -> VerificationError:
    then = "for the mirror (IMAGE_PREFIX)" if lock.prefix else "for the next release"
    return VerificationError(
        f"{host_of(image)} does not have the recorded image {image}; no other one is used",
        seen=seen,
        expected=f"{digest}, recorded in {MIRROR_FILE if lock.prefix else FILE}",
        next_step=f"inv outdated  shows what it has; inv outdated --write  accepts that {then}",
    )
