"""Addresses in settings: where this machine listens, servers that it connects to, and the second place of backups."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "an address of this machine, such as 127.0.0.1, 0.0.0.0 or [::1], without a zone"
_SERVER = "a host name or an address, without a scheme or a port"
_PLACE = "an absolute path, host:path (an IPv6 address in brackets: [2001:db8::5]:/path), or rsync://host/module/path"
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?"
_HOST = rf"(?:(?P<user>[^\s@:/\[\]-][^\s@:/\[\]]*)@)?(?:\[(?P<address>[^\[\]\s]*)\]|(?P<name>{_NAME}))"
_BY_SSH = re.compile(rf"{_HOST}:(?P<path>[^:\s~-].*)")
_OF_DAEMON = re.compile(rf"rsync://{_HOST}(?::(?P<port>\d{{1,5}}))?/(?P<path>[^/\s-].*)")
_MAX_PORT = 65535
_IPV6 = 6


@dataclass(frozen=True)
class Place:
    """The second place of backups: a folder, a folder on another machine by ssh, or a module of an rsync server."""

    # As rsync expects it, without a slash at the end.
    text: str
    # As ssh expects it; empty for a folder and for a module.
    host: str = ""
    # Empty for a module.
    path: str = ""

    @property
    def is_module(self) -> bool:
        """Whether it is reached by rsync's own protocol."""
        return not self.path

    @property
    def folder(self) -> Path | None:
        """The folder, unless it is on another machine."""
        return Path(self.path).expanduser() if self.path and not self.host else None


def place(written: str) -> Place:
    """Parse the second place of backups. Raises ValueError with what was expected."""
    text = written.rstrip("/") or written[:1]
    if any(one in written for one in "\n\r\0"):
        raise ValueError(_PLACE)
    if written.startswith(("/", "~")):
        return Place(text, path=text)
    found = _OF_DAEMON.fullmatch(text)
    if found is not None:
        _check_host(found["address"])
        if found["port"] is not None and not 1 <= int(found["port"]) <= _MAX_PORT:
            raise ValueError(f"a port, 1 to {_MAX_PORT}, in rsync://host:port/module/path")
        return Place(text)
    found = None if "://" in written or _is_bare(text) else _BY_SSH.fullmatch(text)
    if found is None:
        raise ValueError(_PLACE)
    _check_host(found["address"])
    user = f"{found['user']}@" if found["user"] else ""
    return Place(text, f"{user}{found['address'] or found['name']}", found["path"])


def listening(written: str) -> str:
    """An address of this machine as the compose files need it. Raises ValueError with what was expected."""
    inside = _without_brackets(written)
    try:
        found = ipaddress.ip_address(inside)
    except ValueError:
        raise ValueError(_LISTENING) from None
    if "%" in inside or (found.version != _IPV6 and inside != written):
        raise ValueError(_LISTENING)
    return f"[{inside}]" if found.version == _IPV6 else inside


def server(written: str) -> str:
    """The host of a server as the compose files need it. Raises ValueError with what was expected."""
    if ":" in written or "[" in written:
        try:
            return f"[{ipaddress.IPv6Address(_without_brackets(written))}]"
        except ValueError:
            raise ValueError(_SERVER) from None
    if not re.fullmatch(_NAME, written):
        raise ValueError(_SERVER)
    return written


def _without_brackets(written: str) -> str:
    return written[1:-1] if written.startswith("[") and written.endswith("]") else written


def _is_bare(text: str) -> bool:
    """Whether it starts with an IPv6 address without brackets, whose end is not clear."""
    host = text.partition("@")[2] if re.match(r"[^/:\[]*@", text) else text
    ends = [place for place, letter in enumerate(host) if letter == ":"] + [len(host)]
    return any(_is_ipv6(host[:end]) for end in ends)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _check_host(address: str | None) -> None:
    if address is not None and not _is_ipv6(address):
        raise ValueError(f"{_PLACE}; {address!r} is not an IPv6 address")


# Settings that the compose files combine with a port, for which an IPv6 address needs brackets.
COMBINED = {"GATEWAY_ADDRESS": listening, "SMTP_HOST": server, "TLS_ADDRESS": listening}
