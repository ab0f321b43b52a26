"""What clients ask the platform through the gateway: a read of each business service that needs its database."""

from __future__ import annotations

from tests.support.load import Ask

PATHS = {
    "identity": "/api/identity",
    "patient": "/api/patients",
    "clinical": "/api/clinical",
    "medical-technology": "/api/medical-technology",
    "pharmacy": "/api/pharmacy",
    "finance": "/api/finance",
    "platform": "/api/platform",
    "interoperability": "/api/interoperability",
}

READS = tuple(Ask(name, "GET", f"{path}/about") for name, path in PATHS.items())
