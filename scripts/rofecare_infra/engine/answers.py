"""The answers of the docker SDK: its errors become ours, and what does not exist becomes None."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rofecare_infra.errors import CommandError, EngineError

# Timeout of a request in seconds; the grace period is added when a container is stopped.
ANSWER_TIMEOUT = 60


@contextmanager
def answers(address: str = "") -> Iterator[None]:
    """Translate the errors of the SDK; `address` is that of the engine, if a context provides it."""
    import docker.errors
    import requests

    try:
        yield
    except docker.errors.APIError as error:
        raise CommandError(
            "the container engine refused a request",
            seen=str(error.explanation or error),
            expected="an engine that accepts the request",
            next_step="docker info",
        ) from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise EngineError(
            "the container engine does not answer",
            seen=f"{_first_cause(error)}, at {address or os.environ.get('DOCKER_HOST') or 'the default socket'}",
            expected="a running Docker Engine to which this user has access",
            next_step="python3 scripts/bootstrap.py status  (starts the engine, if permitted), or docker info",
        ) from error


def or_none(call: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the SDK is untyped
    """The answer, or None if the object does not exist or is being removed."""
    import docker.errors
    import requests

    try:
        return call(*arguments, **options)
    except docker.errors.NotFound:
        return None
    except docker.errors.APIError as error:
        if error.status_code == requests.codes.conflict:
            return None
        raise


def _first_cause(error: BaseException) -> str:
    """The innermost error: the outer ones only report that something failed."""
    seen: BaseException = error
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    return f"{type(seen).__name__}: {seen}"
