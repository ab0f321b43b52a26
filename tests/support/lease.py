"""Networks and ports that no other test process of this machine uses: each process leases a block of both."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

_FOLDER = Path(tempfile.gettempdir()) / f"rofecare-test-blocks-{os.getuid()}"
_BLOCKS = 200
_NETWORKS = 16
_PORTS = 40
# The second number of the addresses of small networks.
_FIRST_PART, _LAST_PART = 215, 254
# Below the range from which Linux takes the ports of outgoing connections.
_FIRST_PORT = 24_000
_numbers = count()
_ports = count()


@cache
def _block() -> int:
    """The number of the block of this process: a locked file, which the kernel releases when the process ends."""
    _FOLDER.mkdir(exist_ok=True)
    for number in range(_BLOCKS):
        descriptor = os.open(_FOLDER / str(number), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            return number
    message = f"all {_BLOCKS} blocks of networks and ports in {_FOLDER} are leased"
    raise RuntimeError(message)


def small_subnet() -> str:
    """A network for a few containers. None is used twice: the project of a fixture outlives many others."""
    part, place = divmod(next(_numbers), _NETWORKS)
    if _FIRST_PART + part > _LAST_PART:
        message = "this process has used all of its small networks"
        raise RuntimeError(message)
    return f"10.{_FIRST_PART + part}.{_block()}.{place * 16}/28"


def subnets() -> list[str]:
    """Sixteen networks for one project with many; a process has one such project at a time."""
    return [f"10.214.{_block()}.{place * 16}/28" for place in range(_NETWORKS)]


def free_port() -> int:
    """A port that nothing listens on."""
    first = _FIRST_PORT + _block() * _PORTS
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
