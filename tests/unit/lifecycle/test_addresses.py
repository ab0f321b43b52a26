"""The addresses that the networks of a platform need."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.engine import Machine, machine_of
from rofecare_infra.lifecycle import addresses
from rofecare_infra.lifecycle.addresses import Route, free_subnets, overlaps
from rofecare_infra.platform import Network, Platform
from tests.support.fakes import FakeEngine, service

# Two subnets of 256 addresses each.
POOL = (("10.5.0.0/23", 24),)


def networks(*subnets: str) -> list[addresses.Subnet]:
    return [ipaddress.ip_network(one) for one in subnets]


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ((), 2),
        (("10.6.0.0/16", "fd00::/64"), 2),
        (("10.5.0.0/24",), 1),
        # Both in the same subnet.
        (("10.5.0.0/28", "10.5.0.64/28"), 1),
        (("10.0.0.0/8",), 0),
        (("10.5.0.0/23",), 0),
        (("10.5.0.0/24", "10.5.1.0/24"), 0),
    ],
)
def test_free_subnets_of_a_pool(taken: tuple[str, ...], free: int) -> None:
    assert free_subnets(POOL, networks(*taken)) == free


def test_an_engine_without_configured_pools_has_31() -> None:
    assert free_subnets(machine_of({}).pools, ()) == 31
    assert machine_of({"DefaultAddressPools": [{"Base": "10.5.0.0/23", "Size": 24}]}).pools == POOL


class Pools(FakeEngine):
    """An engine with two subnets, and the networks that it has."""

    def __init__(self, **present: tuple[str, ...]) -> None:
        super().__init__()
        self.present_networks = present

    def networks(self) -> dict[str, tuple[str, ...]]:
        return self.present_networks

    def machine(self) -> Machine:
        return Machine("28", 2, 1, "/var/lib/docker", POOL)


PLATFORM = Platform(
    "p",
    (service("a", networks=("one", "two")), service("b", networks=("two", "three", "own", "other"))),
    networks={
        "one": Network("p_one"),
        "two": Network("p_two"),
        "three": Network("p_three"),
        "own": Network("p_own", ("10.9.0.0/24",)),
        "other": Network("shared", external=True),
    },
)
# Its first service uses two of the networks.
TWO = replace(PLATFORM, services=PLATFORM.services[:1])


@pytest.fixture(autouse=True)
def _no_routes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(addresses, "_ROUTES", tmp_path / "routes")


def test_more_networks_than_subnets() -> None:
    error = addresses.shortage(PLATFORM, Pools(bridge=("172.17.0.0/16",)))
    assert error is not None
    assert error.seen == "2 free subnets in its address pools, and 1 networks"
    assert error.expected.startswith("3 free subnets")


def test_only_networks_that_services_use_and_that_do_not_exist_count() -> None:
    assert addresses.shortage(TWO, Pools()) is None
    assert addresses.shortage(PLATFORM, Pools(p_one=("10.5.0.0/24",))) is not None
    assert addresses.shortage(PLATFORM, Pools(p_one=("10.77.0.0/24",))) is None


def test_a_route_of_the_machine_occupies_subnets_too(tmp_path: Path) -> None:
    lines = ["Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask", *["eth0 00000000 0 3 0 0 0 00000000"]]
    (tmp_path / "routes").write_text("\n".join([*lines, "tun0 0000050A 0 1 0 0 0 00FFFFFF"]))
    assert addresses.routes() == (Route("tun0", ipaddress.ip_network("10.5.0.0/24")),)
    assert addresses.shortage(TWO, Pools()) is not None


def test_overlaps_with_other_networks() -> None:
    known = [Route("tun0", ipaddress.ip_network("10.9.0.0/16")), Route("br-1", ipaddress.ip_network("10.9.0.0/24"))]
    assert list(overlaps(PLATFORM, {}, known)) == ["p_own (10.9.0.0/24) and 10.9.0.0/16 of tun0"]
    theirs = {"foreign": ("10.9.0.128/25",)}
    assert list(overlaps(PLATFORM, theirs, ())) == ["p_own (10.9.0.0/24) and the network foreign"]
    # Its own network, on the engine already.
    assert list(overlaps(PLATFORM, {"p_own": ("10.9.0.0/24",)}, known[1:])) == []
