"""Looks for newer versions of the upstream images, and for the digests of those in use."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rofecare_infra.errors import CommandError
from rofecare_infra.images.catalog import Catalog, NoAnswerError
from rofecare_infra.images.lockfile import FILE, Lockfile
from rofecare_infra.images.names import split
from rofecare_infra.images.versions import newer
from rofecare_infra.progress import Event, Working

# Registries limit how many requests of one client they answer at the same time.
_AT_ONCE = 6

HEADER = ("IMAGE", "TAG", "NEWER", "NEWER MAJOR", "DIGEST")


@dataclass(frozen=True)
class UpstreamImage:
    """One image of the lock file, and what its registry has."""

    image: str
    tag: str
    # The newest tags of the same form; empty if none is newer.
    newest: str
    newest_major: str
    # The digest in the lock file, and the one that the registry has now.
    recorded: str | None
    digest: str | None
    # Why the registry does not answer one of the questions; empty if it does.
    missing: str

    @property
    def name(self) -> str:
        """The upstream name with its tag."""
        return f"{self.image}:{self.tag}"

    @property
    def state(self) -> str:
        """How the recorded digest compares with the registry."""
        if self.digest is None:
            return "unknown"
        if self.recorded is None:
            return "not recorded"
        return "recorded" if self.recorded == self.digest else "differs"

    @property
    def row(self) -> tuple[str, str, str, str, str]:
        """The image as a line of a table."""
        return self.image, self.tag, self.newest, self.newest_major, self.state


def look_up(
    lock: Lockfile, catalog_of: Callable[[str], Catalog] = Catalog
) -> Generator[Event, None, tuple[UpstreamImage, ...]]:
    """Ask the registries of all upstream images side by side; with a mirror, the mirror."""
    yield Working(f"asking the registries of {len(lock.digests)} images")
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    try:
        asked = [pool.submit(_look_up, image, lock, catalog_of) for image in sorted(lock.digests)]
        return tuple(one.result() for one in asked)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _look_up(upstream: str, lock: Lockfile, catalog_of: Callable[[str], Catalog]) -> UpstreamImage:
    image, tag = split(upstream)
    catalog = catalog_of(lock.name_here(upstream))
    digest, tags, missing = None, frozenset[str](), ""
    try:
        digest = catalog.digest()
        tags = catalog.tags()
    except NoAnswerError as error:
        missing = str(error)
    found = newer(tag, tags)
    return UpstreamImage(image, tag, found.same_major, found.later_major, lock.digests[upstream], digest, missing)


def error_of(found: Sequence[UpstreamImage]) -> CommandError | None:
    """The error about what registries did not answer; None if they answered everything."""
    silent = [one for one in found if one.missing]
    if not silent:
        return None
    return CommandError(
        f"{len(silent)} of {len(found)} upstream images could not be looked up",
        seen="; ".join(sorted({one.missing for one in silent})),
        expected=f"registries that answer for each image of docker/{FILE}, without a login",
        next_step="check the network and IMAGE_PREFIX, then run inv outdated again",
    )
