"""A broker in memory: it answers the requests with which the tasks log in and change rights."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator

from rofecare_infra.kafka.rights import Right
from rofecare_infra.process import Reachable, Result

_HANDSHAKE, _AUTHENTICATE, _DESCRIBE, _CREATE, _DELETE = 17, 36, 29, 30, 31
_REFUSED = 58


class MemoryBroker:
    """A shell in the container of a broker with these users."""

    def __init__(self, **users: str) -> None:
        self.users = users
        self.rights: set[Right] = set()
        # The kinds of requests that it answered, and the arguments of the last call.
        self.asked: list[int] = []
        self.arguments = ""
        self.error = 0
        self.silent = False

    def __call__(self, container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
        self.arguments = " ".join((container.name, script, *arguments))
        if self.silent:
            return Result((), 1, "", "bash: connect: Connection refused")
        lines: list[str] = []
        for kind, body in _requests(base64.b64decode(stdin)):
            self.asked.append(kind)
            answer = self._answer(kind, body)
            lines.append(base64.b64encode(struct.pack(">i", 0) + answer).decode())
            if kind == _AUTHENTICATE and answer[:2] != b"\0\0":
                break
        return Result((), 0, "\n".join(lines), "")

    def _answer(self, kind: int, body: bytes) -> bytes:
        throttle = struct.pack(">i", 0)
        if kind == _HANDSHAKE:
            return struct.pack(">hi", 0, 0)
        if kind == _AUTHENTICATE:
            _, user, password = body[4:].decode().split("\0")
            good = self.users.get(user) == password
            return struct.pack(">hhi", 0 if good else _REFUSED, -1, 0)
        if kind == _DESCRIBE:
            entries = b"".join(
                struct.pack(">b", one.resource)
                + _text(one.name)
                + struct.pack(">bi", one.pattern, 1)
                + _text(one.principal)
                + _text(one.host)
                + struct.pack(">bb", one.operation, one.permission)
                for one in self.rights
            )
            return throttle + struct.pack(">hhi", self.error, -1, len(self.rights)) + entries
        found = [*_rights(body)]
        if kind == _CREATE:
            self.rights |= set(found)
            return throttle + struct.pack(">i", len(found)) + struct.pack(">hh", self.error, -1) * len(found)
        self.rights -= set(found)
        return throttle + struct.pack(">i", len(found)) + struct.pack(">hhi", self.error, -1, 0) * len(found)


def _requests(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        (length,) = struct.unpack(">i", data[:4])
        message, data = data[4 : 4 + length], data[4 + length :]
        kind, _, _, client = struct.unpack(">hhih", message[:10])
        yield kind, message[10 + client :]


def _rights(body: bytes) -> Iterator[Right]:
    (count,), rest = struct.unpack(">i", body[:4]), body[4:]
    for _ in range(count):
        resource, rest = rest[0], rest[1:]
        name, rest = _taken(rest)
        pattern, rest = rest[0], rest[1:]
        principal, rest = _taken(rest)
        host, rest = _taken(rest)
        operation, permission, rest = rest[0], rest[1], rest[2:]
        yield Right(principal, resource, name, pattern, operation, host, permission)
    assert not rest


def _taken(data: bytes) -> tuple[str, bytes]:
    (length,) = struct.unpack(">h", data[:2])
    return data[2 : 2 + length].decode(), data[2 + length :]


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()
