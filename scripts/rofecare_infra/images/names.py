"""The parts of an image name: registry, repository, tag."""

from __future__ import annotations

# The registry of names without one, and other names of it.
HUB = "registry-1.docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io"})


def host_of(image: str) -> str:
    """The registry in an image name: `mirror:5000/a/b:1` -> `mirror:5000`."""
    host = _named_host(image)
    return host if host and host not in _HUB_NAMES else HUB


def without_host(image: str) -> str:
    """The name without its registry: `quay.io/a/b:1` -> `a/b:1`."""
    host = _named_host(image)
    return image.removeprefix(f"{host}/") if host else image


def split(image: str) -> tuple[str, str]:
    """The name without its tag, and the tag: `mirror:5000/a/b:1` -> `mirror:5000/a/b`, `1`."""
    name, colon, tag = image.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (image, "latest")


def repository_of(image: str) -> str:
    """The repository as its registry names it: `postgres:17` -> `library/postgres`."""
    name, _ = split(without_host(image))
    return f"library/{name}" if host_of(image) == HUB and "/" not in name else name


def is_local(host: str) -> bool:
    """Whether this registry is on this machine."""
    return host.partition(":")[0] in {"localhost", "127.0.0.1"}


def _named_host(image: str) -> str:
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""
