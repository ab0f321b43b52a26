"""Checks within seconds whether an image registry answers, and whether it provides an image."""

from __future__ import annotations

from contextlib import suppress

from rofecare_infra import http
from rofecare_infra.process import run

# Timeout in seconds: long enough for a slow network, short enough not to delay a start noticeably.
PATIENCE = 4.0

# The status of a registry that serves, with or without a login.
_ANSWERING = {200, 401}
_HUB = "registry-1.docker.io"


def host_of(image: str) -> str:
    """The registry in an image name: `mirror:5000/a/b:1` -> `mirror:5000`."""
    first, slash, _ = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if named else _HUB


def answers(host: str, patience: float = PATIENCE) -> bool:
    """Whether the host answers with the protocol of a registry; a request for a login counts as an answer."""
    local = _is_local(host)
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
    insecure = ["--insecure"] if _is_local(host_of(image)) else []
    return run(["docker", "manifest", "inspect", *insecure, image], timeout=patience, check=False).ok


def _is_local(host: str) -> bool:
    return host.partition(":")[0] in {"localhost", "127.0.0.1"}
