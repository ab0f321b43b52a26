"""Parses the answers of the config server, Eureka and the health endpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_INDEX = re.compile(r"\[(\d+)\]")
# A gateway's routes, under the names of any version of Spring Cloud Gateway.
_ROUTE = re.compile(r"spring\.cloud\.gateway\.(?:[\w-]+\.)*routes\[(\d+)\]\.(uri|predicates\[\d+\])")


@dataclass(frozen=True)
class Configuration:
    """The settings that the config server serves for one application."""

    values: Mapping[str, str]

    def get(self, key: str) -> str:
        """One value; empty if there is none."""
        return self.values.get(key, "")

    def several(self, key: str) -> tuple[str, ...]:
        """The elements of a list, in its order."""
        found = {
            int(index.group(1)): value
            for name, value in self.values.items()
            if name.startswith(key) and (index := _INDEX.fullmatch(name[len(key) :]))
        }
        return tuple(found[number] for number in sorted(found))

    @property
    def prefix(self) -> str:
        """The path of the application's route."""
        return self.get("rofecare.prefix")

    @property
    def own(self) -> str:
        """A value to be compared with the one that the application uses."""
        return self.get("rofecare.configuration")

    @property
    def has_accounts(self) -> bool:
        """Whether users register and sign in here."""
        return self.get("rofecare.accounts").lower() == "true"

    @property
    def published(self) -> tuple[str, ...]:
        """The topics that get an event for each new record."""
        return self.several("rofecare.topics.published")

    @property
    def consumed(self) -> tuple[str, ...]:
        """The topics whose events the application stores."""
        return self.several("rofecare.topics.consumed")

    @property
    def routes(self) -> dict[str, tuple[str, ...]]:
        """Of a gateway: host of a route, in lower case -> the path prefixes that lead there, as far as they are known.

        `lb://orders` with `Path=/api/orders/**` is {"orders": ("/api/orders",)}.
        """
        hosts: dict[str, str] = {}
        paths: dict[str, tuple[str, ...]] = {}
        for key, value in self.values.items():
            found = _ROUTE.fullmatch(key)
            if found is not None and found.group(2) == "uri":
                hosts[found.group(1)] = re.split(r"[:/]", value.partition("://")[2])[0].lower()
            elif found is not None and value.startswith("Path="):
                patterns = value.removeprefix("Path=").split(",")
                prefixes = tuple(re.split(r"[*{]", one.strip())[0].rstrip("/") for one in patterns)
                paths[found.group(1)] = (*paths.get(found.group(1), ()), *prefixes)
        routes: dict[str, tuple[str, ...]] = {}
        for number, host in hosts.items():
            routes[host] = (*routes.get(host, ()), *paths.get(number, ()))
        return routes


NOTHING = Configuration({})


def configuration_of(document: Any) -> Configuration | None:  # noqa: ANN401 - any JSON
    """The config server's answer; None for anything else. An earlier property source overrides a later one."""
    sources = document.get("propertySources") if isinstance(document, dict) else None
    if not isinstance(sources, list):
        return None
    values: dict[str, str] = {}
    for source in reversed(sources):
        pairs = source.get("source") if isinstance(source, dict) else None
        values |= {str(key): _text(value) for key, value in (pairs or {}).items()}
    return Configuration(values)


def instances_up(document: Any) -> dict[str, int]:  # noqa: ANN401 - any JSON
    """Application, in lower case -> the number of instances that Eureka lists as UP."""
    listed = (document.get("applications") or {}).get("application") if isinstance(document, dict) else None
    found: dict[str, int] = {}
    for application in _list(listed):
        states = [instance.get("status") for instance in _list(application.get("instance"))]
        found[str(application.get("name", "")).lower()] = states.count("UP")
    return found


def components_down(document: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON
    """The components that the health of an application does not report as UP."""
    parts = document.get("components") if isinstance(document, dict) else None
    return tuple(
        name
        for name, part in (parts or {}).items()
        if isinstance(part, dict) and part.get("status") not in {"UP", "UNKNOWN"}
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - Eureka omits the list around a single element
    if isinstance(value, dict):
        return [value]
    return [one for one in value or () if isinstance(one, dict)]
