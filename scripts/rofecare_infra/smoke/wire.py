"""Opens connections: HTTP, Redis, Kafka. Each call ends within its timeout."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from rofecare_infra import http
from rofecare_infra.errors import RofecareError
from rofecare_infra.process import Reachable, inside, run
from rofecare_infra.smoke.checks import Answer
from rofecare_infra.smoke.plan import Address

# Seconds. The gateway cuts requests after 11 or 12 s: its answer is better evidence than a timeout here.
THROUGH_GATEWAY = 13.0
DIRECT = 6.0

# With HTTP/1.0 the answer is one piece, and ends with the connection.
_ASK = r"""exec 3<>"/dev/tcp/127.0.0.1/$1" && printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3 && cat <&3"""
_STATUS = re.compile(r"HTTP/1\.[01] (?P<code>\d{3})")

# An ApiVersions request (key 18, version 0, correlation id 1, no client id): an open port does not prove a broker.
_API_VERSIONS = b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff"
_API_VERSIONS_GOOD = b"\x00\x00\x00\x01\x00\x00"
_LENGTH = 4


class Http(Protocol):
    """One request: always returns an answer, never raises."""

    def __call__(
        self,
        method: str,
        base: str,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = DIRECT,
    ) -> Answer:
        """Send a request to `path` of `base`; `timeout` is in seconds."""


class Wire(Protocol):
    """The connections to the platform; unit tests replace it."""

    @property
    def http(self) -> Http:
        """One HTTP request."""

    def inside(self, container: Reachable, port: int, path: str) -> Answer:
        """The answer to a GET that is sent inside a container, on its loopback address."""

    def redis(self, address: Address, password: bytes) -> str:
        """The error that Redis returns to AUTH and PING; empty if it accepts both."""

    def kafka(self, address: Address) -> str:
        """The fault in the answer of the broker; empty if it is correct."""


class Network:
    """Connections over the network."""

    @property
    def http(self) -> Http:
        """The client of the room http."""
        return request

    def inside(self, container: Reachable, port: int, path: str) -> Answer:
        """By bash, which needs no other program in the image."""
        asked, began = f"GET {path}", time.monotonic()
        try:
            result = run(inside(container, "bash", "-c", _ASK, "-", str(port), path), check=False, timeout=DIRECT)
        except RofecareError as error:
            return Answer(asked, seconds=time.monotonic() - began, error=f"{error.what}: {error.seen}")
        seconds = time.monotonic() - began
        head, _, body = result.stdout.replace("\r\n", "\n").partition("\n\n")
        status = _STATUS.match(head)
        if status is None:
            return Answer(asked, seconds=seconds, error=result.last)
        try:
            return Answer(asked, int(status["code"]), json.loads(body), seconds=seconds)
        except ValueError:
            return Answer(asked, int(status["code"]), seconds=seconds)

    def redis(self, address: Address, password: bytes) -> str:
        """Send AUTH and PING on a new connection, as a client does after a restart."""
        commands = _command(b"AUTH", password) + _command(b"PING")
        return _conversed(address, lambda connection: _redis_error(connection, commands))

    def kafka(self, address: Address) -> str:
        """Request the API versions of the broker."""
        return _conversed(address, _kafka_error)


def request(
    method: str,
    base: str,
    path: str,
    *,
    body: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = DIRECT,
) -> Answer:
    """One HTTP request; see Http."""
    asked = f"{method} {path.partition('?')[0]}"
    accepting = {"Accept": "application/json", **(headers or {})}
    began = time.monotonic()
    try:
        response = http.request(method, base + path, body=body, headers=accepting, timeout=timeout)
    except http.NoResponseError as error:
        return Answer(asked, seconds=time.monotonic() - began, error=str(error))
    return Answer(asked, response.status, response.json(), response.headers, time.monotonic() - began)


def _conversed(address: Address, talk: Callable[[socket.socket], str]) -> str:
    try:
        with socket.create_connection((address.host, address.port), timeout=http.CONNECT) as connection:
            return talk(connection)
    except TimeoutError:
        return f"does not answer on {address}"
    except OSError as error:
        return f"does not answer on {address} ({error.strerror or error})"


def _redis_error(connection: socket.socket, commands: bytes) -> str:
    connection.sendall(commands)
    received = b""
    while received.count(b"\r\n") < len((b"AUTH", b"PING")):
        chunk = connection.recv(4096)
        if not chunk:
            return f"closes the connection after {received.decode(errors='replace').strip()!r}"
        received += chunk
    auth, pong, *_ = received.decode(errors="replace").split("\r\n")
    return "" if (auth, pong) == ("+OK", "+PONG") else (auth if auth != "+OK" else pong).lstrip("-")


def _kafka_error(connection: socket.socket) -> str:
    connection.sendall(_API_VERSIONS)
    wanted = _LENGTH + len(_API_VERSIONS_GOOD)
    received = b""
    while len(received) < wanted:
        chunk = connection.recv(wanted - len(received))
        if not chunk:
            return "closes the connection instead of listing its API versions"
        received += chunk
    return "" if received[_LENGTH:] == _API_VERSIONS_GOOD else "does not answer like a Kafka broker"


def _command(*words: bytes) -> bytes:
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%s" % (len(words), parts)
