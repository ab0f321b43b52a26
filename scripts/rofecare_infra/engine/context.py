"""Finds the engine that the docker command uses: the SDK reads only DOCKER_HOST, the command also reads contexts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from rofecare_infra.errors import CommandError, EngineError
from rofecare_infra.process import run

_DEFAULT = "default"
# Timeout in seconds; the docker command only reads a file of its own.
_QUICK = 20.0


def address(environ: Mapping[str, str]) -> str:
    """The address of the engine in the selected context; empty if none is selected or DOCKER_HOST overrides it.

    Compose uses the context: on another engine, the containers that it starts would never appear. Raises EngineError
    for a context that does not exist, or that requires more than an address.
    """
    name = selected(environ)
    if name == _DEFAULT:
        return ""
    try:
        described = json.loads(run(["docker", "context", "inspect", name], timeout=_QUICK).stdout)[0]
        host = str(described["Endpoints"]["docker"]["Host"])
    except CommandError as error:
        raise _refused(name, (error.details or (error.seen,))[-1]) from error
    except (ValueError, LookupError, TypeError) as error:
        raise _refused(name, "docker context inspect prints no address of an engine") from error
    if (described.get("TLSMaterial") or {}).get("docker"):
        raise _refused(name, f"{host} requires certificates that are stored in the context")
    return host


def selected(environ: Mapping[str, str]) -> str:
    """The name of the context that the docker command uses."""
    chosen = "" if environ.get("DOCKER_HOST") else environ.get("DOCKER_CONTEXT") or _configured(environ)
    return chosen or _DEFAULT


def require_supported(address: str) -> None:
    """Raise EngineError for an engine that is reached by ssh: its containers mount files of its own machine."""
    if address.startswith("ssh://"):
        raise EngineError(
            "the engine of another machine cannot be used",
            seen=f"an address of ssh: {address}",
            expected="an engine on this machine, whose containers mount the files of this checkout",
            next_step="run the command on that machine (ssh to it); or unset DOCKER_HOST, docker context use default",
        )


def _configured(environ: Mapping[str, str]) -> str:
    """The context that `docker context use` selected; empty if there is none."""
    folder = Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME", "/"), ".docker"))
    try:
        chosen = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext")
    except (OSError, ValueError, AttributeError):
        return ""  # the docker command reports the problem
    return str(chosen or "")


def _refused(name: str, seen: str) -> EngineError:
    return EngineError(
        f"the docker context {name} cannot be used",
        seen=seen,
        expected="a context with only an address, or DOCKER_HOST (with DOCKER_TLS_VERIFY and DOCKER_CERT_PATH)",
        next_step="docker context ls; then docker context use default, or set DOCKER_HOST",
    )
