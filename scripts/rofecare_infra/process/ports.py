"""Finds the process that listens on a port, so that an error can name it before a container needs the port."""

from __future__ import annotations

import errno
import socket


def is_free(address: str, port: int) -> bool:
    """Whether a listener could bind `port` on `address` now."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # As the engine does: `::` does not include IPv4.
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            # The engine reports every other error (no permission for a low port, no such address).
            return error.errno != errno.EADDRINUSE
    return True


def holder_of(port: int) -> str:
    """The process that listens on `port`, as `name (pid N)`, or a general text for a process of another user."""
    import psutil

    for connection in psutil.net_connections("inet"):
        address = connection.laddr
        if connection.status != psutil.CONN_LISTEN or not address or address.port != port:
            continue
        if connection.pid is None:
            break
        try:
            return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
        except psutil.Error:
            break
    return "a process of another user"
