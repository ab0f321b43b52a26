"""The application's role of a database server, as the environment of its service describes it."""

from __future__ import annotations

from collections.abc import Iterable

from rofecare_infra.platform.model import Service

_USER = "POSTGRES_APPLICATION_USER"
_PASSWORD_FILE = "POSTGRES_APPLICATION_PASSWORD_FILE"  # noqa: S105 - the name of a variable


def application_role(service: Service) -> str:
    """The role that the application of this database logs in with; empty where it has none of its own."""
    return service.environment.get(_USER, "")


def application_secret(service: Service) -> str:
    """The secret with the password of that role; empty where there is none."""
    file = service.environment.get(_PASSWORD_FILE) if application_role(service) else None
    return next((name for name, path in service.secret_files.items() if path == file), "")


def application_secrets(services: Iterable[Service]) -> frozenset[str]:
    """The secrets of all such roles. Their servers set them at each start, so that no data depends on them."""
    return frozenset(map(application_secret, services)) - {""}
