"""The lock file of the upstream images: each with the digest that a pull has to give.

It is not part of `image:` in the compose files, because an image that was loaded from a file has no digest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import SettingsError, UsageError
from rofecare_infra.images.names import split, without_host
from rofecare_infra.settings import Settings

FILE = "images.lock"
# In the state folder of the site: the digests of its mirror, which may differ from the upstream ones.
MIRROR_FILE = "images.mirror.lock"

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Lockfile:
    """The upstream images, and how they are named here."""

    # Upstream name with tag -> digest; None until it was looked up.
    digests: Mapping[str, str | None] = field(default_factory=dict)
    # IMAGE_PREFIX: the mirror that the images come from.
    prefix: str = ""

    def name_here(self, upstream: str) -> str:
        """The name under which this upstream image is pulled."""
        return f"{self.prefix}{without_host(upstream)}" if self.prefix else upstream

    def digest_of(self, image: str) -> str | None:
        """The recorded digest of an image with its name here."""
        upstream = self._upstream(image)
        return self.digests[upstream] if upstream is not None else None

    def pinned(self, image: str) -> str:
        """The name of exactly the recorded image, `postgres@sha256:...`; empty if no digest is recorded."""
        digest = self.digest_of(image)
        return f"{split(image)[0]}@{digest}" if digest is not None else ""

    def remarks(self, pulled: Iterable[str]) -> tuple[str, ...]:
        """What to print about pulled images that were not compared."""
        images = [image for image in pulled if not self.pinned(image)]
        unknown = [image for image in images if self._upstream(image) is not None]
        others = [image for image in images if image not in unknown]
        found = []
        if unknown:
            why = f"docker/{FILE} has no digest yet: inv outdated --write"
            found.append(f"not compared after the pull: {', '.join(unknown)} ({why})")
        if others:
            found.append(f"not compared after the pull: {', '.join(others)} (not in docker/{FILE})")
        return tuple(found)

    def _upstream(self, image: str) -> str | None:
        return next((one for one in self.digests if self.name_here(one) == image), None)


def read(settings: Settings, folder: Path | None = None) -> Lockfile:
    """The lock file in the folder of the compose files (default: that of the settings), with the digests of the mirror.

    Raises SettingsError if a file cannot be used.
    """
    digests = _digests((folder or settings.docker_folder) / FILE)
    if settings.image_prefix:
        theirs = _digests(settings.state_folder / MIRROR_FILE)
        digests = {image: theirs.get(image) or digest for image, digest in digests.items()}
    return Lockfile(digests, settings.image_prefix)


def save(settings: Settings, folder: Path, looked_up: Mapping[str, str]) -> tuple[str, ...]:
    """Write digests that were looked up into the lock file in `folder`, those of a mirror into the file of the site.

    Return the images that changed. Raises UsageError for the lock file of a release, SettingsError if a file cannot be
    used or written.
    """
    mirrored = bool(settings.image_prefix)
    path = settings.state_folder / MIRROR_FILE if mirrored else folder / FILE
    if not mirrored and settings.is_release and folder == settings.docker_folder:
        raise UsageError(
            "the lock file of a release is not changed",
            seen=str(path),
            expected="a checkout, from which the next release is made",
            next_step="in a checkout: inv outdated --write, then inv upgrade",
        )
    before = _digests(path)
    after = {**before, **looked_up}
    changed = tuple(sorted(image for image in looked_up if before.get(image) != after[image]))
    if changed:
        try:
            state.make_folder(path.parent)
            state.replace(path, json.dumps(after, indent=2, sort_keys=True) + "\n")
        except OSError as error:
            raise SettingsError(
                f"{path.name} cannot be written",
                seen=f"{error.strerror}: {path}",
                expected="a folder that this user may change",
                next_step="inv outdated --write  as the owner of the folder",
            ) from error
    return changed


def _digests(path: Path) -> dict[str, str | None]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unusable(path, str(error)) from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise _unusable(path, f"no JSON: {error}") from error
    if not isinstance(content, dict):
        raise _unusable(path, f"JSON, but {type(content).__name__} in place of an object")
    for image, digest in content.items():
        if digest is not None and not (isinstance(digest, str) and DIGEST.fullmatch(digest)):
            raise _unusable(path, f"{image}: {digest!r}")
    return content


def _unusable(path: Path, seen: str) -> SettingsError:
    return SettingsError(
        f"the lock file of the images cannot be used: {path}",
        seen=seen,
        expected='an object of images: "sha256:" and 64 hexadecimal digits, or null',
        next_step=f"git checkout {path}" if path.name == FILE else f"remove {path}, then inv outdated --write",
    )
