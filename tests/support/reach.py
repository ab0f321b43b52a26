"""Which addresses and ports accept a connection: tried from inside the network of a container."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
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
    return answering_from(targets, f"container:{source}")


def answering_from(targets: Iterable[Target], network: str = "bridge") -> set[Target]:
    """The same from a new container of this network; by default, one of no project."""
    return _answers(["docker", "run", "--rm", "--network", network, IMAGE], targets)


def _answers(inside: list[str], targets: Iterable[Target]) -> set[Target]:
    words = [f"{address}:{port}" for address, port in targets]
    argv = [*inside, "bash", "-c", _PROBE.format(patience=_PATIENCE), "probe", *words]
    found = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return {(line.rpartition(":")[0], int(line.rpartition(":")[2])) for line in found.split()}


@contextmanager
def second_machine() -> Iterator[tuple[str, Callable[[Iterable[Target]], set[Target]]]]:
    """Another machine on a segment with this one, which is its route to every address.

    This machine's address on that segment, and what the other one reaches. Only root can make one.
    """
    here, there, name = "198.18.77.1", "198.18.77.2", f"gate{os.getpid()}"
    with subprocess.Popen(["unshare", "--net", "sleep", "600"]) as machine:
        inside = ["nsenter", f"--net=/proc/{machine.pid}/ns/net"]
        try:
            _wait_for_network_of(machine.pid)
            for words in (
                f"ip link add {name} type veth peer name eth0 netns {machine.pid}",
                f"ip address add {here}/30 dev {name}",
                f"ip link set {name} up",
                f"{' '.join(inside)} ip address add {there}/30 dev eth0",
                f"{' '.join(inside)} ip link set eth0 up",
                f"{' '.join(inside)} ip route add default via {here}",
            ):
                subprocess.run(words.split(), capture_output=True, text=True, check=True)
            yield here, lambda targets: _answers(inside, targets)
        finally:
            # The interfaces go with the network.
            machine.kill()


def _wait_for_network_of(process: int) -> None:
    own = Path("/proc/self/ns/net").readlink()
    end = time.monotonic() + 10
    while Path(f"/proc/{process}/ns/net").readlink() == own:
        assert time.monotonic() < end, "no network of its own"
        time.sleep(0.02)


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
