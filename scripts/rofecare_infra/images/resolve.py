"""Decides where images come from: IMAGES and SERVICES, and with `auto` what this machine has and can reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from rofecare_infra.compose import Compose
from rofecare_infra.engine import Image
from rofecare_infra.errors import SettingsError
from rofecare_infra.images import registry
from rofecare_infra.images.arguments import completed
from rofecare_infra.platform import MONITORING, Platform, Service
from rofecare_infra.settings import Settings


class LocalImages(Protocol):
    """The part of the engine that is used here."""

    def image(self, name: str) -> Image | None:
        """The local image of this name."""


@dataclass(frozen=True)
class Sources:
    """Where images come from, and the compose command and model with these images."""

    compose: Compose
    platform: Platform
    # registry or packages.
    infrastructure: str = ""
    # Application -> source, registry, reference, or chosen (its image is set by hand).
    applications: Mapping[str, str] = field(default_factory=dict)
    # The reasons, as sentences.
    reasons: tuple[str, ...] = ()

    def is_built(self, service: Service) -> bool:
        """Whether the service's image is built on this machine; otherwise it is pulled."""
        return service.build is not None and self.applications.get(service.name) not in {"registry", "chosen"}


def resolve(
    settings: Settings,
    opened: Sources,
    images: LocalImages,
    answers: Callable[[str], bool] = registry.answers,
    offers: Callable[[str], bool] = registry.offers,
    *,
    production: bool = False,
) -> Sources:
    """Decide for the infrastructure and for each application of the model that was opened.

    `answers` returns whether a registry does, `offers` whether it has an image for us. Raises SettingsError where
    `production` would fall back to the reference services: they store no health records.
    """
    compose, upstream = opened.compose, opened.platform
    reachable = cache(answers)

    def available(image: str) -> bool:
        return reachable(registry.host_of(image)) and offers(image)

    origins: dict[str, str] = {}
    variables: dict[str, str] = {}
    for service in upstream.services:
        if service.checkout is None:
            continue
        variable = image_variable(service.name)
        if settings.get(variable):
            origins[service.name] = "chosen"
            continue
        origin = _origin(settings, service, images, available, production=production)
        if production and origin == "reference" and settings.services != "reference":
            raise _no_reference(service.name, service.image)
        origins[service.name] = origin
        variables[variable] = service.image if origin == "registry" else local_image(service.name, origin)
    same = all(
        variables.get(image_variable(name), upstream.service(name).image) == upstream.service(name).image
        for name in origins
    )

    @cache
    def model_of(*, packaged: bool) -> tuple[Compose, Platform]:
        chosen = (compose.on_packages() if packaged else compose).with_variables(variables)
        # Compose takes a moment for each model: one that is known already is not asked for again.
        return chosen, upstream if same and chosen.files == compose.files else chosen.model()

    infrastructure, why = _infrastructure(settings, upstream, lambda: model_of(packaged=True)[1], images, reachable)
    final, platform = model_of(packaged=infrastructure == "packages")
    platform = completed(platform, upstream)
    reasons = (why, *_summary(settings, origins), *_omitted(upstream, platform))
    return Sources(final, platform, infrastructure, origins, reasons)


def local(settings: Settings, opened: Sources, images: LocalImages, *, production: bool) -> Sources:
    """The same for a command that reads images: what is on this machine decides, and no registry is asked.

    What is missing counts as an image of the registry in production, and as one that is built here in development.
    """

    def assumed(_name: str) -> bool:
        return production

    return resolve(settings, opened, images, assumed, assumed, production=production)


def image_variable(service: str) -> str:
    """The variable that names an application's image in the compose files."""
    return f"{service.upper().replace('-', '_')}_IMAGE"


def local_image(service: str, origin: str) -> str:
    """The name of an application's image that is built on this machine."""
    return f"rofecare/{service}:{origin}"


def _infrastructure(
    settings: Settings,
    upstream: Platform,
    packaged: Callable[[], Platform],
    images: LocalImages,
    reachable: Callable[[str], bool],
) -> tuple[str, str]:
    if settings.images != "auto":
        return settings.images, f"infrastructure images: {settings.images} (IMAGES={settings.images})"
    local = "registry", "infrastructure images: registry (all of them are on this machine)"
    # The monitoring follows the platform: it is started later, and decides nothing.
    theirs = [one for one in upstream.services if one.checkout is None and one.phase != MONITORING]
    if all(images.image(one.image) for one in theirs):
        return local
    ours = {service.name: service.image for service in packaged().services if service.checkout is None}
    pairs = [(one.image, ours[one.name]) for one in theirs if one.name in ours and ours[one.name] != one.image]
    if all(images.image(upstream_image) for upstream_image, _ in pairs):
        return local
    if all(images.image(own) for _, own in pairs):
        return "packages", "infrastructure images: packages (built on this machine before)"
    host = registry.host_of(pairs[0][0])
    if reachable(host):
        return "registry", f"infrastructure images: registry ({host} answers)"
    return "packages", f"infrastructure images: packages ({host} does not answer)"


def _origin(
    settings: Settings, service: Service, images: LocalImages, to_be_had: Callable[[str], bool], *, production: bool
) -> str:
    pom = settings.workspace / str(service.checkout) / "pom.xml"
    if settings.services == "source" and not pom.is_file():
        raise SettingsError(
            f"{service.name} cannot be built from source",
            seen=f"SERVICES=source, but no {pom}",
            expected="a checkout of every application beside this repository (WORKSPACE in .env)",
            next_step="check it out there, or set SERVICES=auto: only what has a checkout is built from source",
        )
    if settings.services != "auto":
        return settings.services
    # What merely lies beside this repository is not what a hospital runs.
    if pom.is_file() and not production:
        return "source"
    if images.image(service.image):
        return "registry"
    if images.image(local_image(service.name, "reference")):
        return "reference"
    return "registry" if to_be_had(service.image) else "reference"


def _no_reference(name: str, image: str) -> SettingsError:
    return SettingsError(
        f"production has no image of {name}",
        seen=f"SERVICES=auto: no {image} on this machine, and the registry does not provide it",
        expected="the published image; or SERVICES=source, which builds the checkouts beside this repository",
        next_step="docker login, or SERVICES_TAG; for a trial with the reference services: SERVICES=reference in .env",
    )


def _summary(settings: Settings, origins: Mapping[str, str]) -> list[str]:
    counts: dict[str, list[str]] = {}
    for name, origin in origins.items():
        counts.setdefault(origin, []).append(name)
    counted = ", ".join(
        f"{origin} ({len(names)} of {len(origins)})" if len(names) > 1 else f"{origin} ({names[0]})"
        for origin, names in sorted(counts.items())
    )
    return [f"applications: {counted or 'none'} (SERVICES={settings.services})"]


def _omitted(upstream: Platform, chosen: Platform) -> list[str]:
    """The services that only have an upstream image, and are therefore missing in the model with packaged images."""
    there = {service.name for service in chosen.services}
    absent = [service.name for service in upstream.services if service.name not in there]
    return [f"omitted, available only from an image registry: {', '.join(absent)}"] if absent else []
