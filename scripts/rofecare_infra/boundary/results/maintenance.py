"""The results of the tasks that change images and secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from rofecare_infra import upgrade
from rofecare_infra.images import UpstreamImage, sbom
from rofecare_infra.upgrade import Change


@dataclass(frozen=True)
class SbomWritten:
    """The SBOM of one image."""

    image: str
    image_id: str
    # The services that use the image.
    services: tuple[str, ...]
    file: str
    packages: int
    jars: int
    # The jars without Maven coordinates.
    unidentified: int

    @classmethod
    def of(cls, one: sbom.Written) -> Self:
        """The fields of a document."""
        return cls(one.image, one.image_id, one.services, str(one.path), one.packages, one.jars, one.unidentified)


@dataclass(frozen=True)
class Rotated:
    """The secret that was changed."""

    secret: str
    # Container -> the seconds of its restart.
    restarted: Mapping[str, float]
    seconds: float


@dataclass(frozen=True)
class UpgradePlanned:
    """What an upgrade will replace."""

    # The number of all services.
    services: int
    # Those whose containers are replaced.
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class UpgradeRehearsed:
    """What was replaced in the copy."""

    services: tuple[str, ...]
    downtime: float


@dataclass(frozen=True)
class Upgraded:
    """What was replaced; nothing if everything runs as the settings describe it."""

    services: tuple[str, ...]
    # The id of the backup that was taken before; empty if there was none.
    backup: str
    # Seconds, and Unix times.
    downtime: float
    stopped_at: float
    started_at: float

    @classmethod
    def of(cls, done: upgrade.Upgraded) -> Self:
        """The result of an upgrade."""
        downtime = done.started_at - done.stopped_at
        return cls(done.plan.differing, done.backup, downtime, done.stopped_at, done.started_at)


@dataclass(frozen=True)
class Outdated:
    """What the registries of the upstream images have."""

    images: tuple[UpstreamImage, ...]
    # The images whose digests were written into the lock file.
    written: tuple[str, ...]
