"""Networks and ports of one process do not overlap, and another process gets others."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path

import pytest

from tests.support import lease
from tests.support.lease import free_port, small_subnet, subnets
from tests.support.project import REPOSITORY


def test_networks_do_not_overlap() -> None:
    networks = [ip_network(subnet) for subnet in (*(small_subnet() for _ in range(100)), *subnets())]
    assert len(networks) == 116
    assert not [pair for pair in combinations(networks, 2) if pair[0].overlaps(pair[1])]


def test_ports_differ() -> None:
    assert len({free_port() for _ in range(5)}) == 5


def test_another_process_has_another_block() -> None:
    script = "from tests.support.lease import subnets; print(*subnets())"
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert not {*done.stdout.split()} & {*subnets()}


def test_networks_of_a_killed_run_are_avoided(monkeypatch: pytest.MonkeyPatch) -> None:
    header, columns = "Iface\tDestination", "\t00000000\t0001"
    addresses = ((10, 214, 7, 16), (10, 9, 8, 0))
    routes = [f"br-x\t{int.from_bytes(bytes(one), sys.byteorder):08X}{columns}" for one in addresses]
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "\n".join([header, *routes]))
    assert lease._routed() == {7}
