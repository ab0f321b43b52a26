"""The tables of HTTP requests in tests/request_tables, and requests that are sent byte by byte as they stand there."""

from __future__ import annotations

import select
import socket
import ssl
import time
import tomllib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).resolve().parents[1] / "request_tables"
_TIMEOUT = 20.0
_CHUNK = 65536
_PAUSE = 0.5


@dataclass(frozen=True)
class Sent:
    """A request as it is sent, and what becomes of it."""

    name: str
    sent: bytes
    # Of the answer.
    status: int
    # Parts of what the server behind receives: one that must be there, and others that must not.
    arrives: str = ""
    absent: tuple[str, ...] = ()


def requests_of(table: str, host: str = "front") -> list[Sent]:
    """All requests of a table, to the site of this name."""
    found = tomllib.loads((TABLES / f"{table}.toml").read_text(encoding="utf-8"))
    return [
        *(
            Sent(line, _request(line, host), group["status"], absent=("http/1",))
            for group in found["refused"]
            for line in group["requests"]
        ),
        *(
            Sent(line, _request(line, host), 200, f"{line} HTTP/1.")
            for group in found["passed"]
            for line in group["requests"]
        ),
        *(
            Sent(
                line,
                _request("GET /api/echo", host, line),
                200,
                "GET /api/echo HTTP/1.",
                (line, line.partition(": ")[2]),
            )
            for group in found["claimed"]
            for line in group["headers"]
        ),
        *(
            Sent(one["name"], one["text"].replace("Host: front", f"Host: {host}").encode(), one["status"])
            for one in found["raw"]
        ),
    ]


def exchange(port: int, sent: bytes, *, tls: str = "") -> tuple[int, bytes]:
    """Send this to a port of 127.0.0.1; return the status and the body of the answer until its end.

    `tls` is the name of a site whose certificate is not verified; empty for a connection without TLS.
    """
    with ExitStack() as until_done:
        connection = until_done.enter_context(socket.create_connection(("127.0.0.1", port), _TIMEOUT))
        if tls:
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = until_done.enter_context(context.wrap_socket(connection, server_hostname=tls))
        connection.sendall(sent)
        answer = b""
        while chunk := connection.recv(_CHUNK):
            answer += chunk
            if _is_whole(answer):
                break
    head, _, body = answer.partition(b"\r\n\r\n")
    words = head.split(maxsplit=2)
    return (int(words[1]) if words[1:] else 0), body


def _request(line: str, host: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", ""]).encode()


def _is_whole(answer: bytes) -> bool:
    """Whether the body is as long as the head says: a server may keep the connection."""
    head, end, body = answer.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(end) and bool(lengths) and len(body) >= int(lengths[0].split(b":")[1])


@dataclass(frozen=True)
class Slow:
    """A request whose body arrives in parts, and the answer that is due."""

    name: str
    path: str
    # How long the body takes, and when the answer is due, in seconds.
    seconds: float
    due: float
    status: int


def slow_requests_of(table: str) -> list[Slow]:
    """The slow requests of a table."""
    found = tomllib.loads((TABLES / f"{table}.toml").read_text(encoding="utf-8"))
    return [Slow(**one) for one in found["slow"]]


def trickle(port: int, request: Slow, *headers: str) -> tuple[int, float]:
    """Send the body in parts until the answer comes; return its status, and when it came."""
    parts = round(request.seconds / _PAUSE)
    head = [f"POST {request.path} HTTP/1.1", "Host: front", f"Content-Length: {parts}", *headers]
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), request.due) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        for _ in range(parts):
            if select.select([connection], [], [], _PAUSE)[0]:
                break
            connection.sendall(b"x")
        words = connection.recv(_CHUNK).split(maxsplit=2)
    return (int(words[1]) if words[1:] else 0), time.monotonic() - began
