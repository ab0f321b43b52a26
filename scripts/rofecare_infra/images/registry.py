"""Whether an image registry answers, and has an image for us: asked for seconds, before anything is tried with it."""

from __future__ import annotations

from rofecare_infra.process import run

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

    # The engine, too, speaks plain HTTP to a registry on this machine.
    schemes = ("http", "https") if _is_local(host) else ("https",)
    for scheme in schemes:
        try:
            answer = requests.get(f"{scheme}://{host}/v2/", timeout=PATIENCE)
        except requests.RequestException:
            continue
        if answer.status_code in {requests.codes.ok, requests.codes.unauthorized}:
            return True
    return False


def offers(image: str) -> bool:
    """Whether the registry would hand out this image, with what this user has logged in with."""
    insecure = ["--insecure"] if _is_local(host_of(image)) else []
    return run(["docker", "manifest", "inspect", *insecure, image], timeout=4 * PATIENCE, check=False).ok


def _is_local(host: str) -> bool:
    return host.partition(":")[0] in {"localhost", "127.0.0.1"}
