"""The few requests of Kafka's protocol that log in and change rights, in versions that every broker since 2.0 knows."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.kafka.rights import Right

_SASL_HANDSHAKE, _SASL_AUTHENTICATE = (17, 1), (36, 0)
_DESCRIBE_ACLS, _CREATE_ACLS, _DELETE_ACLS = (29, 1), (30, 1), (31, 1)
_CLIENT = "rofecare"
# In a filter: whatever it is.
_ANY = 1


@dataclass(frozen=True)
class Refusal:
    """What the broker refused: its error code, and its message, if any."""

    code: int
    message: str


def login(user: str, password: str) -> tuple[bytes, bytes]:
    """The two requests with which a client logs in."""
    token = b"\0".join((b"", user.encode(), password.encode()))
    return _request(_SASL_HANDSHAKE, _text("PLAIN")), _request(
        _SASL_AUTHENTICATE, struct.pack(">i", len(token)) + token
    )


def describe() -> bytes:
    """The request for all rights."""
    return _request(_DESCRIBE_ACLS, struct.pack(">bhbhhbb", _ANY, -1, _ANY, -1, -1, _ANY, _ANY))


def create(rights: Iterable[Right]) -> bytes:
    """The request that adds these rights."""
    return _request(_CREATE_ACLS, _array(_entry(one) for one in rights))


def delete(rights: Iterable[Right]) -> bytes:
    """The request that removes these rights."""
    return _request(_DELETE_ACLS, _array(_entry(one) for one in rights))


def refused_login(answer: bytes) -> bool:
    """Whether one of the two requests of a login was refused."""
    return _Reader(answer).int16() != 0


def described(answer: bytes) -> frozenset[Right] | Refusal:
    """The rights in the answer."""
    reader = _Reader(answer, throttled=True)
    code, message = reader.int16(), reader.text()
    if code:
        return Refusal(code, message)
    found = []
    for _ in range(reader.int32()):
        resource, name, pattern = reader.int8(), reader.text(), reader.int8()
        for _ in range(reader.int32()):
            principal, host, operation, permission = reader.text(), reader.text(), reader.int8(), reader.int8()
            found.append(Right(principal, resource, name, pattern, operation, host, permission))
    return frozenset(found)


def refused_creation(answer: bytes) -> Refusal | None:
    """The first right that was not added."""
    reader = _Reader(answer, throttled=True)
    return _first(reader, lambda: None)


def refused_deletion(answer: bytes) -> Refusal | None:
    """The first right that was not removed."""
    reader = _Reader(answer, throttled=True)

    def skip() -> None:
        for _ in range(reader.int32()):
            reader.int16(), reader.text(), reader.int8(), reader.text(), reader.int8()
            reader.text(), reader.text(), reader.int8(), reader.int8()

    return _first(reader, skip)


def _first(reader: _Reader, skip: Callable[[], None]) -> Refusal | None:
    found: list[Refusal] = []
    for _ in range(reader.int32()):
        code, message = reader.int16(), reader.text()
        skip()
        if code:
            found.append(Refusal(code, message))
    return found[0] if found else None


def _entry(right: Right) -> bytes:
    """A right, or the filter that matches only this one: both have the same form."""
    head = struct.pack(">b", right.resource) + _text(right.name) + struct.pack(">b", right.pattern)
    tail = struct.pack(">bb", right.operation, right.permission)
    return head + _text(right.principal) + _text(right.host) + tail


def _request(kind: tuple[int, int], body: bytes) -> bytes:
    message = struct.pack(">hhi", *kind, 0) + _text(_CLIENT) + body
    return struct.pack(">i", len(message)) + message


def _array(items: Iterable[bytes]) -> bytes:
    found = [*items]
    return struct.pack(">i", len(found)) + b"".join(found)


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">h", len(data)) + data


class _Reader:
    """Reads an answer without its length."""

    def __init__(self, answer: bytes, *, throttled: bool = False) -> None:
        self._rest = answer
        # The number of the request.
        self.int32()
        if throttled:
            # How long the client should wait, in milliseconds.
            self.int32()

    def int8(self) -> int:
        return self._unpacked(">b")

    def int16(self) -> int:
        return self._unpacked(">h")

    def int32(self) -> int:
        return self._unpacked(">i")

    def text(self) -> str:
        length = self.int16()
        return self._taken(length).decode(errors="replace") if length >= 0 else ""

    def _unpacked(self, form: str) -> int:
        (value,) = struct.unpack(form, self._taken(struct.calcsize(form)))
        return int(value)

    def _taken(self, count: int) -> bytes:
        if len(self._rest) < count:
            raise ServiceFailedError(
                "an answer of the broker cannot be read",
                seen=f"it ends {count - len(self._rest)} bytes too early",
                expected="a complete answer in Kafka's protocol",
                next_step="inv logs kafka",
            )
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken
