"""Whether an image registry answers at all: asked once, for seconds, before anything is tried with it."""

from __future__ import annotations

# Long enough for a bad line, short enough for nobody to think that the start hangs; in seconds.
PATIENCE = 4.0

_HUB = "registry-1.docker.io"


def host_of(image: str) -> str:
    """The registry that an image name points to: `mirror:5000/a/b:1` -> `mirror:5000`."""
    first, slash, _ = image.partition("/")
    named = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if named else _HUB


def answers(host: str) -> bool:
    """Whether something there speaks the registry's protocol; being asked for a password counts."""
    import requests

    name = host.partition(":")[0]
    # The engine, too, speaks plain HTTP to a registry on this machine.
    schemes = ("http", "https") if name in {"localhost", "127.0.0.1"} else ("https",)
    for scheme in schemes:
        try:
            answer = requests.get(f"{scheme}://{host}/v2/", timeout=PATIENCE)
        except requests.RequestException:
            continue
        if answer.status_code in {requests.codes.ok, requests.codes.unauthorized}:
            return True
    return False
