"""Build arguments of applications: an application of the site's own is built with the base images of the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from rofecare_infra.platform import Platform, Service


def build_arguments(service: Service) -> Mapping[str, str]:
    """The arguments of the service's build section."""
    declared = (service.build or {}).get("args")
    return {str(name): str(value) for name, value in declared.items()} if isinstance(declared, Mapping) else {}


def completed(chosen: Platform, upstream: Platform) -> Platform:
    """The platform, with the build arguments that most applications share given to the applications without them.

    `docker-compose.packages.yml` replaces the base images of the applications that the repository knows. One that a
    site adds in its override file may omit these arguments, or repeat the upstream ones; both then follow the others.
    Any other value is the site's choice and stays.
    """
    usual, defaults = _shared(chosen), _shared(upstream)

    def filled(service: Service) -> Service:
        if service.checkout is None or service.build is None:
            return service
        own = build_arguments(service)
        given = {name: value for name, value in usual.items() if own.get(name) in {None, defaults.get(name)}}
        return replace(service, build={**service.build, "args": {**own, **given}}) if given else service

    return replace(chosen, services=tuple(filled(service) for service in chosen.services))


def _shared(platform: Platform) -> dict[str, str]:
    """The arguments to which more than half of the applications give the same value."""
    sets = [build_arguments(one) for one in platform.services if one.checkout is not None and one.build is not None]
    counts = Counter(pair for arguments in sets for pair in arguments.items())
    return {name: value for (name, value), count in counts.items() if 2 * count > len(sets)}
