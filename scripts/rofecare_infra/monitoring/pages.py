"""The pages of the monitoring: where this machine reaches them, and with which password."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rofecare_infra import http
from rofecare_infra.monitoring.files import content
from rofecare_infra.platform import MONITORING, Platform, Port, Service

# The user of the proxy that publishes the pages in production.
USER = "admin"
# Its secret. A service of the monitoring that publishes ports and has this secret is the proxy.
_PASSWORD = "monitoring_password"  # noqa: S105 - the name of a secret


@dataclass(frozen=True)
class Page:
    """The port of one service on this machine, its own or that of the proxy in front of it."""

    service: str
    port: Port
    password_file: Path | None = None

    def headers(self) -> dict[str, str]:
        """The headers of a request. Raises SettingsError if the password cannot be read."""
        if self.password_file is None:
            return {}
        return http.basic(USER, content(self.password_file))


def pages(platform: Platform) -> tuple[Page, ...]:
    """The pages of the monitoring, in the order of the compose files."""
    services = [one for one in platform.services if one.phase == MONITORING]
    found = {page.service: page for service in services for page in _published_by(service, services, platform)}
    return tuple(found[one.name] for one in services if one.name in found)


def page_of(platform: Platform, target: int) -> Page | None:
    """The page of the service that listens on this port in its container, whatever its name."""
    return next((page for page in pages(platform) if page.port.target == target), None)


def _published_by(service: Service, services: list[Service], platform: Platform) -> Iterator[Page]:
    file = platform.secrets.get(_PASSWORD) if _PASSWORD in service.secrets else None
    for port in service.ports:
        if file is None:
            yield Page(service.name, port)
        # A service that is not part of this model, such as one that no package provides, has no page.
        else:
            yield from (Page(one.name, port, file) for one in services if port.target in one.exposed)
