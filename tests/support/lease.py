"""Networks and ports that no other test process of this machine uses: each process leases a block of both."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from functools import cache
from itertools import count
from pathlib import Path
from typing import IO

_FOLDER = Path(tempfile.gettempdir()) / f"rofecare-test-blocks-{os.getuid()}"
_BLOCKS = 200
_SMALL_NETWORKS = 16
_PORTS = 40
# Below the range from which Linux takes the ports of outgoing connections.
_FIRST_PORT = 24_000
_numbers = count()
_ports = count()


@cache
def _block() -> tuple[int, IO[str]]:
    """The number of this process's block, and the file whose lock keeps it. The kernel releases the lock."""
    _FOLDER.mkdir(exist_ok=True)
    for number in range(_BLOCKS):
        file = (_FOLDER / str(number)).open("a", encoding="ascii")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
        else:
            return number, file
    message = f"all {_BLOCKS} blocks of networks and ports in {_FOLDER} are leased"
    raise RuntimeError(message)


def small_subnet() -> str:
    """A network for a few containers. The numbers repeat after 16, when the first project is gone."""
    return f"10.213.{_block()[0]}.{next(_numbers) % _SMALL_NETWORKS * 16}/28"


def subnets() -> list[str]:
    """Sixteen networks for one project with many; a process has one such project at a time."""
    return [f"10.214.{_block()[0]}.{place * 16}/28" for place in range(_SMALL_NETWORKS)]


def free_port() -> int:
    """A port that nothing listens on."""
    first = _FIRST_PORT + _block()[0] * _PORTS
    for _ in range(_PORTS):
        port = first + next(_ports) % _PORTS
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    message = f"no port from {first} to {first + _PORTS - 1} is free"
    raise RuntimeError(message)
