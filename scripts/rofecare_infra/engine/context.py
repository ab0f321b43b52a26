"""Which engine the docker command talks to: the SDK knows DOCKER_HOST alone, the command knows contexts, too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rofecare_infra.errors import CommandError, EngineError
from rofecare_infra.process import run

_DEFAULT = "default"
# Reading a file of its own takes the docker command far less, in seconds.
_QUICK = 20.0


def address(environ: Mapping[str, str]) -> str:
    """The address of the chosen context's engine; empty where none is chosen or DOCKER_HOST overrules it.

    Compose goes by the context: whoever asked another engine would wait for containers that start elsewhere. Raises
    EngineError for a context that does not exist, or that needs more than an address.
    """
    name = "" if environ.get("DOCKER_HOST") else environ.get("DOCKER_CONTEXT") or _configured(environ)
    if name in {"", _DEFAULT}:
        return ""
    try:
        described = json.loads(run(["docker", "context", "inspect", name], timeout=_QUICK).stdout)[0]
        host = str(described["Endpoints"]["docker"]["Host"])
    except CommandError as error:
        raise _refused(name, (error.details or (error.seen,))[-1]) from error
    except (ValueError, LookupError, TypeError) as error:
        raise _refused(name, "docker context inspect tells no address of an engine") from error
    if (described.get("TLSMaterial") or {}).get("docker"):
        raise _refused(name, f"{host} wants certificates that are kept in the context")
    return host


def _configured(environ: Mapping[str, str]) -> str:
    """The context that `docker context use` chose; empty when it never did."""
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/"), ".docker"))
    try:
        chosen = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext")
    except (OSError, ValueError, AttributeError):
        return ""  # the docker command itself tells what is wrong with it
    return str(chosen or "")


def _refused(name: str, seen: str) -> EngineError:
    return EngineError(
        f"the docker context {name} cannot be used",
        seen=seen,
        expected="a context with an address alone, or DOCKER_HOST (with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH)",
        next_step="docker context ls; then docker context use default, or set DOCKER_HOST",
    )
