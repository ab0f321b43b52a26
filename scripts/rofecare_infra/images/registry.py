"""Checks within seconds whether an image registry answers, and whether it provides an image."""

from __future__ import annotations

from contextlib import suppress

from rofecare_infra import http
from rofecare_infra.images.names import host_of, is_local
from rofecare_infra.process import run

__all__ = ["PATIENCE", "answers", "host_of", "offers"]

# Timeout in seconds: long enough for a slow network, short enough not to delay a start noticeably.
PATIENCE = 4.0

# The status of a registry that serves, with or without a login.
_ANSWERING = {200, 401}


def answers(host: str, patience: float = PATIENCE) -> bool:
    """Whether the host answers with the protocol of a registry; a request for a login counts as an answer."""
    local = is_local(host)
    # The engine, too, uses plain HTTP with a registry on this machine.
    for scheme in ("http", "https") if local else ("https",):
        with suppress(http.NoResponseError):
            address = f"{scheme}://{host}/v2/"
            answer = http.request("GET", address, timeout=patience, connect_timeout=patience, outside=not local)
            if answer.status in _ANSWERING:
                return True
    return False


def offers(image: str, patience: float = 4 * PATIENCE) -> bool:
    """Whether the registry provides this image to this user, with its current login."""
    insecure = ["--insecure"] if is_local(host_of(image)) else []
    return run(["docker", "manifest", "inspect", *insecure, image], timeout=patience, check=False).ok
