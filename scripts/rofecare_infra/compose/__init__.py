"""`docker compose`: project, files and flags become an argv list, its answers records."""

from rofecare_infra.compose.command import BASE, MONITORING, OVERRIDE, PACKAGES, PRODUCTION, SMALL, TLS, Compose

__all__ = ["BASE", "MONITORING", "OVERRIDE", "PACKAGES", "PRODUCTION", "SMALL", "TLS", "Compose"]
