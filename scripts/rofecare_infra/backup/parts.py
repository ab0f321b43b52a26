"""Which volumes belong to a backup, and why others do not: labels on the services in the compose files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rofecare_infra.backup.encryption import SUFFIX
from rofecare_infra.backup.server import database_services
from rofecare_infra.platform import LABEL_BACKUP, LABEL_HOLD, LABEL_NO_BACKUP, Platform, Service, levels_of

KAFKA = "kafka"
_NOT_LABELLED = f"no service that uses it has the label {LABEL_BACKUP}"


@dataclass(frozen=True)
class Part:
    """Volumes that are archived together, and restored together: those of the services with the same label."""

    name: str
    # In start order.
    services: tuple[str, ...]
    # In the order in which they are archived: what refers to another service is read before it.
    volumes: tuple[str, ...]
    # Volume -> paths in it that are neither archived nor replaced: the state of an ingress.
    kept: Mapping[str, tuple[str, ...]]


def archive_of(volume: str) -> str:
    """The file name of a volume's archive."""
    return f"{volume}.volume.tar.gz{SUFFIX}"


def parts_of(platform: Platform) -> tuple[Part, ...]:
    """The parts of a backup besides the databases, by name."""
    services = [one for one in platform.services if one.replicas and one.volumes and one.labels.get(LABEL_BACKUP)]
    names = sorted({one.labels[LABEL_BACKUP] for one in services})
    return tuple(_part(name, [one for one in services if one.labels[LABEL_BACKUP] == name]) for name in names)


def omitted_of(platform: Platform) -> dict[str, str]:
    """Volume -> why it is not part of a backup, of all volumes that neither a database nor a part has."""
    included = {volume for part in parts_of(platform) for volume in part.volumes}
    included |= {volume for service in database_services(platform) for volume in service.volumes}
    return {
        volume: next(
            (one.labels[LABEL_NO_BACKUP] for one in _users(platform, volume) if one.labels.get(LABEL_NO_BACKUP)),
            _NOT_LABELLED,
        )
        for volume in platform.volumes
        if volume not in included and _users(platform, volume)
    }


def services_of(platform: Platform, names: Collection[str]) -> tuple[Service, ...]:
    """The services of these parts, in start order."""
    return tuple(platform.service(name) for part in parts_of(platform) if part.name in names for name in part.services)


def _part(name: str, services: list[Service]) -> Part:
    levels = levels_of({one.name: one.depends_on for one in services})
    ordered = sorted(services, key=lambda one: levels[one.name])
    volumes = tuple(dict.fromkeys(volume for one in reversed(ordered) for volume in one.volumes))
    kept: dict[str, tuple[str, ...]] = {}
    for one in services:
        for volume, target in one.mount_points.items():
            hold = one.labels.get(LABEL_HOLD, "")
            if hold.startswith(f"{target.rstrip('/')}/"):
                kept[volume] = (hold.removeprefix(target.rstrip("/")),)
    return Part(name, tuple(one.name for one in ordered), volumes, kept)


def _users(platform: Platform, volume: str) -> list[Service]:
    """The services that may write to it: what none may write to holds no data of the platform."""
    return [one for one in platform.services if one.replicas and volume in one.mount_points]
