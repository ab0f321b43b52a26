"""The one HTTP client: one request, no retries, always with timeouts."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Seconds until a connection is established.
CONNECT = 3.0
_FIRST_ERROR = 400


class NoResponseError(Exception):
    """A request without a response; the text is the reason in a few words."""


@dataclass(frozen=True)
class Response:
    """The response of a server, whatever its status."""

    status: int
    # With lower-case names.
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is no error."""
        return self.status < _FIRST_ERROR

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:  # noqa: ANN401 - any JSON
        """The body as parsed JSON; None where it is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


def basic(user: str, password: str) -> dict[str, str]:
    """The header with which a client logs in (HTTP Basic)."""
    word = b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {word}"}


def request(
    method: str,
    url: str,
    *,
    timeout: float,
    connect_timeout: float = CONNECT,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    outside: bool = False,
) -> Response:
    """Send one request, with `body` as JSON. Raises NoResponseError.

    `timeout` is the longest silence of the server, in seconds. The proxy, the certificates and the redirects of a
    server apply only `outside` of this machine: a proxy must never see a request to a published port.
    """
    import requests

    try:
        with requests.Session() as session:
            session.trust_env = outside
            response = session.request(
                method,
                url,
                json=body,
                headers=dict(headers or {}),
                timeout=(connect_timeout, timeout),
                allow_redirects=outside,
            )
    except requests.Timeout as error:
        raise NoResponseError("no answer") from error
    except requests.ConnectionError as error:
        refused = "refused" in str(error)
        raise NoResponseError(
            "connection refused" if refused else "the connection broke before an answer came"
        ) from error
    except requests.RequestException as error:
        raise NoResponseError(type(error).__name__) from error
    names = {name.lower(): value for name, value in response.headers.items()}
    return Response(response.status_code, names, response.content)
