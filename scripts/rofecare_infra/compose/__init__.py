"""`docker compose`: project, files and flags become an argv list, its answers records."""

from rofecare_infra.compose.command import (
    BASE,
    MONITORING,
    MONITORING_PRODUCTION,
    OVERRIDE,
    OVERRIDES,
    PACKAGES,
    PRODUCTION,
    SMALL,
    SWARM,
    TLS,
    Compose,
    overrides_in,
)

__all__ = [
    "BASE",
    "MONITORING",
    "MONITORING_PRODUCTION",
    "OVERRIDE",
    "OVERRIDES",
    "PACKAGES",
    "PRODUCTION",
    "SMALL",
    "SWARM",
    "TLS",
    "Compose",
    "overrides_in",
]
