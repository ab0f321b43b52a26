"""Which addresses and ports accept a connection: tried from inside the network of a container."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tests.support.platform import docker
from tests.support.project import IMAGE

Json = dict[str, Any]
Target = tuple[str, int]

# All addresses and ports at the same time; a connection whose packets are dropped fails after this many seconds.
_PATIENCE = 3
_PROBE = """
printf '%s\\n' "$@" | xargs -P 400 -I TARGET timeout {patience} bash -c '
    target=TARGET; exec 3<>"/dev/tcp/${{target%:*}}/${{target##*:}}" && echo "$target"' 2>/dev/null || true
"""
# Port and state of each socket of /proc/net/tcp: 0A is a listening socket.
_LISTENING = "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null"
_LISTENS = "0A"
# The engine's own name server, and what listens on the loopback address alone.
_LOOPBACK = ("7F", "00000000000000000000000001000000")


def answering(source: str, targets: Iterable[Target]) -> set[Target]:
    """The addresses and ports to which a container can open a connection.

    By a second container in its network: its own limits are for its own work.
    """
    return answering_outside(targets, "--network", f"container:{source}")


def answering_outside(targets: Iterable[Target], *options: str) -> set[Target]:
    """The same from a container outside of the platform."""
    words = [f"{address}:{port}" for address, port in targets]
    script = _PROBE.format(patience=_PATIENCE)
    found = docker("run", "--rm", *options, IMAGE, "bash", "-c", script, "probe", *words)
    return {(line.rpartition(":")[0], int(line.rpartition(":")[2])) for line in found.split()}


def stays_here(address: str) -> bool:
    """Whether a network of this machine has this address; otherwise another machine may answer."""
    found = subprocess.run(["ip", "route", "get", address], capture_output=True, text=True, check=False)
    return found.returncode == 0 and " via " not in found.stdout


def answering_here(targets: Iterable[Target]) -> set[Target]:
    """The same from this machine."""

    def answers(target: Target) -> bool:
        try:
            with socket.create_connection(target, timeout=_PATIENCE):
                return True
        except OSError:
            return False

    wanted = list(targets)
    with ThreadPoolExecutor(max_workers=64) as pool:
        return {target for target, open_ in zip(wanted, pool.map(answers, wanted), strict=True) if open_}


def addresses(container: Json) -> dict[str, str]:
    """Network -> the container's address in it."""
    networks: Mapping[str, Json] = container["NetworkSettings"]["Networks"]
    return {name: str(one["IPAddress"]) for name, one in networks.items() if one["IPAddress"]}


def listening(container: str) -> set[int]:
    """The ports on which the container listens."""
    rows = [line.split() for line in docker("exec", container, "bash", "-c", _LISTENING).splitlines()]
    open_ones = [row[1].split(":") for row in rows if len(row) > 3 and row[3] == _LISTENS]
    return {int(port, 16) for address, port in open_ones if not address.endswith(_LOOPBACK)}


def own_address() -> str:
    """An address of this machine that other machines reach."""
    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True, check=True).stdout.split()
    return next(address for address in found if ":" not in address and not address.startswith("127."))


@contextmanager
def listener() -> Iterator[Target]:
    """A server on this machine that accepts every connection, on all addresses."""
    with socket.create_server(("0.0.0.0", 0), backlog=128) as server:  # noqa: S104 - it is to be reached
        yield own_address(), server.getsockname()[1]
