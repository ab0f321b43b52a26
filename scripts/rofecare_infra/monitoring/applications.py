"""The applications that Prometheus watches in addition to those that its configuration lists."""

from __future__ import annotations

from rofecare_infra.platform import LABEL_HEALTH_PORT, Platform, health_of


def further_applications(platform: Platform, configuration: str) -> str:
    """What the start script of Prometheus adds to the text of its configuration.

    These are services with the label of the health port, and those that the text lists at another port or path.
    """
    found: list[str] = []
    for service in platform.services:
        health = health_of(service)
        if health is None or not service.replicas:
            continue
        address = f"http://{service.name}:"
        is_listed = f"{address}{health.port}{health.path}\n" in configuration
        if not is_listed and (address in configuration or LABEL_HEALTH_PORT in service.labels):
            found.append(f"{service.name}:{health.port},{health.path},{health.metrics}")
    return " ".join(found)
