"""The thin shells that open connections: HTTP, Redis, Kafka. Each call ends within its timeouts."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from rofecare_infra import http
from rofecare_infra.smoke.checks import Answer
from rofecare_infra.smoke.plan import Address

# Seconds. The gateway cuts what hangs at 11 or 12: its word is better than our own timeout.
THROUGH_GATEWAY = 13.0
DIRECT = 6.0

# An ApiVersions request (key 18, version 0, correlation id 1, no client id): an open port is no proof of a broker.
_API_VERSIONS = b"\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x01\xff\xff"
_API_VERSIONS_GOOD = b"\x00\x00\x00\x01\x00\x00"
_LENGTH = 4


class Http(Protocol):
    """One request: an answer in any case, never an exception."""

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
        """Ask `base` for `path`; `timeout` is how long it may keep silent, in seconds."""


class Wire(Protocol):
    """How we talk to the platform; unit tests have one of their own."""

    @property
    def http(self) -> Http:
        """One HTTP request."""

    def redis(self, address: Address, password: bytes) -> str:
        """What Redis objects to AUTH and PING; empty when it does not."""

    def kafka(self, address: Address) -> str:
        """What is wrong with the broker's answer; empty when it is as it should be."""


class Network:
    """The wire that is one."""

    @property
    def http(self) -> Http:
        """The client of the room http."""
        return request

    def redis(self, address: Address, password: bytes) -> str:
        """Ask Redis over a plain socket: one connection, made anew, as a client that restarts makes it."""
        commands = _command(b"AUTH", password) + _command(b"PING")
        return _conversed(address, lambda line: _redis_words(line, commands))

    def kafka(self, address: Address) -> str:
        """Ask the broker which versions of its interface it has."""
        return _conversed(address, _kafka_words)


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
        with socket.create_connection((address.host, address.port), timeout=http.CONNECT) as line:
            return talk(line)
    except TimeoutError:
        return f"does not answer on {address}"
    except OSError as error:
        return f"does not answer on {address} ({error.strerror or error})"


def _redis_words(line: socket.socket, commands: bytes) -> str:
    line.sendall(commands)
    received = b""
    while received.count(b"\r\n") < len((b"AUTH", b"PING")):
        chunk = line.recv(4096)
        if not chunk:
            return f"closes the connection after {received.decode(errors='replace').strip()!r}"
        received += chunk
    auth, pong, *_ = received.decode(errors="replace").split("\r\n")
    return "" if (auth, pong) == ("+OK", "+PONG") else (auth if auth != "+OK" else pong).lstrip("-")


def _kafka_words(line: socket.socket) -> str:
    line.sendall(_API_VERSIONS)
    wanted = _LENGTH + len(_API_VERSIONS_GOOD)
    received = b""
    while len(received) < wanted:
        chunk = line.recv(wanted - len(received))
        if not chunk:
            return "closes the connection instead of naming its versions"
        received += chunk
    return "" if received[_LENGTH:] == _API_VERSIONS_GOOD else "gives no broker's answer"


def _command(*words: bytes) -> bytes:
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%s" % (len(words), parts)
