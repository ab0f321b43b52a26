"""Networks and ports that no other test process of this machine uses: each process leases a block of both."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

_FOLDER = Path(tempfile.gettempdir()) / f"rofecare-test-blocks-{os.getuid()}"
_BLOCKS = 200
_NETWORKS = 16
_PORTS = 40
# The first numbers of all addresses; the second of large and of small networks; the third is that of the block.
_PREFIX = 10
_LARGE_PART, _FIRST_PART, _LAST_PART = 214, 215, 254
_PARTS = range(_LARGE_PART, _LAST_PART + 1)
# Below the range from which Linux takes the ports of outgoing connections.
_FIRST_PORT = 24_000
_numbers = count()
_ports = count()


def _routed() -> set[int]:
    """The blocks whose networks exist: those of a run that was killed; of one that runs they are locked, too."""
    try:
        lines = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return set()
    # In the byte order of the machine, as eight hexadecimal digits.
    addresses = [int(line.split()[1], 16).to_bytes(4, sys.byteorder) for line in lines]
    return {block for first, part, block, _ in addresses if first == _PREFIX and part in _PARTS}


@cache
def _block() -> int:
    """The number of the block of this process: a locked file, which the kernel releases when the process ends."""
    _FOLDER.mkdir(exist_ok=True)
    left = _routed()
    for number in range(_BLOCKS):
        if number in left:
            continue
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
    return f"{_PREFIX}.{_FIRST_PART + part}.{_block()}.{place * 16}/28"


def subnets() -> list[str]:
    """Sixteen networks for one project with many; a process has one such project at a time."""
    return [f"{_PREFIX}.{_LARGE_PART}.{_block()}.{place * 16}/28" for place in range(_NETWORKS)]


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
