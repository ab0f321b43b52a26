"""What the config server and Eureka answer, as plain values. Parsing alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_INDEX = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True)
class Configuration:
    """The settings that the config server serves for one application."""

    values: Mapping[str, str]

    def get(self, key: str) -> str:
        """One value; empty where there is none."""
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
        """The value that is there to be compared with what the application itself says."""
        return self.get("rofecare.configuration")

    @property
    def has_accounts(self) -> bool:
        """Whether people register and sign in here."""
        return self.get("rofecare.accounts").lower() == "true"

    @property
    def published(self) -> tuple[str, ...]:
        """The topics that each new record sends an event to."""
        return self.several("rofecare.topics.published")

    @property
    def consumed(self) -> tuple[str, ...]:
        """The topics whose events the application stores."""
        return self.several("rofecare.topics.consumed")


NOTHING = Configuration({})


def configuration_of(document: Any) -> Configuration | None:  # noqa: ANN401 - somebody else's JSON
    """The config server's answer, or None if it is none. An earlier property source wins over a later one."""
    sources = document.get("propertySources") if isinstance(document, dict) else None
    if not isinstance(sources, list):
        return None
    values: dict[str, str] = {}
    for source in reversed(sources):
        pairs = source.get("source") if isinstance(source, dict) else None
        values |= {str(key): _text(value) for key, value in (pairs or {}).items()}
    return Configuration(values)


def instances_up(document: Any) -> dict[str, int]:  # noqa: ANN401 - somebody else's JSON
    """Application, in lower case, -> how many instances Eureka lists as UP."""
    listed = (document.get("applications") or {}).get("application") if isinstance(document, dict) else None
    found: dict[str, int] = {}
    for application in _list(listed):
        states = [instance.get("status") for instance in _list(application.get("instance"))]
        found[str(application.get("name", "")).lower()] = states.count("UP")
    return found


def components_down(document: Any) -> tuple[str, ...]:  # noqa: ANN401 - somebody else's JSON
    """The parts of an application that its health does not call UP."""
    parts = document.get("components") if isinstance(document, dict) else None
    return tuple(
        name
        for name, part in (parts or {}).items()
        if isinstance(part, dict) and part.get("status") not in {"UP", "UNKNOWN"}
    )


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _list(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a single element may come without its list
    if isinstance(value, dict):
        return [value]
    return [one for one in value or () if isinstance(one, dict)]
