"""Asks Prometheus which alerts fire, and Alertmanager which of them another one explains."""

from __future__ import annotations

from typing import Any

from rofecare_infra import http
from rofecare_infra.alerts.records import WATCHDOG, Alert, alerts_of
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import MONITORING, Platform

_JUDGE = ("prometheus", "/api/v1/alerts")
_TELLER = ("alertmanager", "/api/v2/alerts")
# Both answer from memory, in seconds.
_PATIENCE = 10.0


def firing(platform: Platform) -> tuple[Alert, ...]:
    """The alerts that fire now, without the one that always does.

    Raises ServiceFailedError when Prometheus does not answer, or does not judge any alert: silence is no good sign.
    """
    address = _address(platform, *_JUDGE)
    judged = _asked(address) if address else None
    if judged is None:
        raise ServiceFailedError(
            "nobody watches the platform",
            seen=f"no answer at {address}" if address else "no monitoring among what runs",
            expected="Prometheus, running and answering",
            next_step="inv start-monitoring",
        )
    # Without Alertmanager nobody is told; what fires is known all the same.
    teller = _address(platform, *_TELLER)
    told = (_asked(teller) if teller else None) or []
    found = alerts_of(judged["data"]["alerts"], told)
    if not any(one.name == WATCHDOG for one in found):
        raise ServiceFailedError(
            "no alert is judged",
            seen=f"{WATCHDOG}, which always fires, does not",
            expected="the rules of docker/config/prometheus/alerts/, judged every 15 s",
            next_step="right after a start, the same command again; else inv logs prometheus",
        )
    return tuple(one for one in found if one.name != WATCHDOG)


def _address(platform: Platform, name: str, path: str) -> str:
    """Where a service of the monitoring answers on this machine; empty when it is not published."""
    ports = [port for one in platform.services if (one.name, one.phase) == (name, MONITORING) for port in one.ports]
    return f"http://{ports[0].address}:{ports[0].published}{path}" if ports else ""


def _asked(address: str) -> Any:  # noqa: ANN401 - whatever JSON says; None for no answer
    try:
        response = http.request("GET", address, timeout=_PATIENCE)
    except http.NoResponseError:
        return None
    return response.json() if response.ok else None
