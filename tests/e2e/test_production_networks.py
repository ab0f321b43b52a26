"""Production behind its reverse proxy: which container, machine or client reaches which port. Tried from inside."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import ssl
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support import reach
from tests.support.documented import EVERYTHING, MONITORING
from tests.support.http_requests import exchange, requests_of
from tests.support.platform import PlatformUnderTest, docker
from tests.support.project import REPOSITORY
from tests.support.reach_table import documented, reached_from

Json = dict[str, Any]

_PROXY = "monitoring-proxy"
_WAYS_OUT = {"front", "rofecare-service-platform"}
_MONITORED_WAYS_OUT = {*_WAYS_OUT, _PROXY, "alertmanager"}
_TABLE = documented(REPOSITORY / "docs" / "production.md")
# What no package provides.
_ABSENT = {"front-data", "grafana", "kibana", "kafka-ui"}
# In these this machine has an address.
_OPEN = ("edge", "outbound", "pages", "notifications")
_HOST = "localhost"

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Running:
    """The platform with or without monitoring: its containers, and each of their listening ports on each address."""

    monitored: bool
    containers: dict[str, Json]
    targets: dict[reach.Target, str]

    def named(self, found: Iterable[reach.Target]) -> set[tuple[str, int]]:
        """The containers and ports of these targets."""
        return {(self.targets[target], target[1]) for target in found}

    def expected(self, *networks: str) -> set[tuple[str, int]]:
        """The running containers and ports that these networks reach according to the document."""
        found = {one for network in networks for one in reached_from(network, _TABLE)}
        return {one for one in found if one[0] in self.containers}

    @property
    def ways_out(self) -> set[str]:
        """The containers with a way out."""
        return _MONITORED_WAYS_OUT if self.monitored else _WAYS_OUT

    @property
    def here(self) -> list[reach.Target]:
        """The targets on networks in which this machine has an address; packets to others leave the machine."""
        return [target for target in self.targets if reach.stays_here(target[0])]


@pytest.fixture(scope="module", params=[False, True], ids=["without monitoring", "with monitoring"])
def running(request: pytest.FixtureRequest, production: PlatformUnderTest) -> Iterator[Running]:
    """The running containers; the monitoring is removed afterwards."""
    if request.param:
        production.expect(0, "start-monitoring")
    found = {name: one for name, one in production.containers().items() if one["State"]["Running"]}
    with ThreadPoolExecutor(max_workers=4) as pool:
        ports_of = pool.map(lambda one: reach.listening(one["Name"][1:]), found.values())
        listening = dict(zip(found, ports_of, strict=True))
    assert listening == {name: _TABLE[name].ports for name in found}
    targets = {
        (address, port): name
        for name, one in found.items()
        for address in reach.addresses(one).values()
        for port in listening[name]
    }
    yield Running(request.param, found, targets)
    if request.param:
        label = ("--filter", f"label=com.docker.compose.project={production.name}")
        docker("rm", "--force", *docker("ps", "-aq", *label, "--filter", "label=com.rofecare.phase=monitoring").split())
        docker("volume", "rm", *docker("volume", "ls", "-q", *label).split())


def test_all_services_run(running: Running) -> None:
    monitoring = {*MONITORING, _PROXY} if running.monitored else set()
    assert set(running.containers) == {*EVERYTHING, "front", *monitoring} - _ABSENT


def test_each_network_reaches_its_own_containers_alone(production: PlatformUnderTest, running: Running) -> None:
    """All listening ports of all containers, from each network."""
    networks = {
        full: name
        for name in {one for row in _TABLE.values() for one in row.networks}
        for full in (f"{production.name}_{name}", f"{production.name}_{name}_closed")
        if any(full in reach.addresses(one) for one in running.containers.values())
    }

    def reached(network: str) -> set[tuple[str, int]]:
        own = {reach.addresses(one).get(network) for one in running.containers.values()}
        internal = docker("network", "inspect", "--format", "{{.Internal}}", network) == "true"
        # From a network with a way out, packets to addresses that this machine does not know leave it.
        tried = [one for one in running.targets if internal or one[0] in own or one in running.here]
        return running.named(reach.answering_from(tried, network))

    with ThreadPoolExecutor(max_workers=4) as pool:
        seen = dict(zip(networks.values(), pool.map(reached, networks), strict=True))
    expected = {name: running.expected(name) for name in networks.values()}
    # While any network is created, an engine of before 28 has no isolation of networks for a moment, and other tests
    # create some: what should not answer is asked again.
    for full, name in networks.items():
        if seen[name] - expected[name]:
            seen[name] = reached(full)
    assert seen == expected


def test_internal_networks_have_no_route_out(running: Running) -> None:
    """Neither to this machine, by any of its addresses, nor through it to others; the exceptions have one."""
    with reach.listener() as (address, port):
        assert reach.answering_here([(address, port)]), "the listener itself does not answer"
        gateways = {
            network["Gateway"]
            for one in running.containers.values()
            for network in one["NetworkSettings"]["Networks"].values()
            if network["Gateway"]
        }
        wanted = [(one, port) for one in {address, *gateways}]
        out = {name for name, one in running.containers.items() if reach.answering(one["Name"][1:], wanted)}
    assert out == running.ways_out


def _published(production: PlatformUnderTest) -> set[int]:
    return {production.ports["HTTP_PORT"], production.ports["HTTPS_PORT"]}


def _pages(running: Running) -> set[int]:
    """The ports of this machine that the proxy publishes."""
    if not running.monitored:
        return set()
    ports = running.containers[_PROXY]["NetworkSettings"]["Ports"]
    return {int(one["HostPort"]) for each in ports.values() for one in each or ()}


def test_this_machine_reaches_the_published_ports_and_the_open_networks(
    production: PlatformUnderTest, running: Running
) -> None:
    assert running.named(reach.answering_here(running.here)) == running.expected(*_OPEN)
    pages = _pages(running)
    assert len(pages) == (7 if running.monitored else 0)
    for address, published in (
        ("127.0.0.1", _published(production) | pages),
        (reach.own_address(), _published(production)),
    ):
        every = [(address, port) for port in production.ports.values()]
        assert {port for _, port in reach.answering_here(every)} == published, address


def test_a_foreign_container_reaches_the_published_ports_alone(production: PlatformUnderTest, running: Running) -> None:
    assert running.named(reach.answering_from(running.here)) <= {("front", 8080), ("front", 8443)}
    every = [(reach.own_address(), port) for port in production.ports.values()]
    assert {port for _, port in reach.answering_from(every)} == _published(production)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can add a machine to a segment")
def test_a_second_machine_reaches_the_published_ports_alone(production: PlatformUnderTest, running: Running) -> None:
    """Also with a route to every network of the containers."""
    with reach.second_machine() as (address, answering):
        direct = running.named(answering(running.targets))
        assert {port for _, port in answering((address, port) for port in production.ports.values())} == _published(
            production
        )
    assert {name for name, _ in direct} <= {"front", _PROXY}


def test_the_pages_require_the_password(production: PlatformUnderTest, running: Running) -> None:
    """The tasks know it: they read the alerts and the log lines."""
    if not running.monitored:
        assert "the monitoring is not running" in production.expect(7, "alerts")
        return
    for port in _pages(running):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            assert connection.getresponse().status == 401
    assert "does not answer" not in production.inv("alerts")[1]
    production.expect(0, "search-logs")


def test_the_reverse_proxy_terminates_tls(production: PlatformUnderTest) -> None:
    root = docker("exec", production.container("front"), "cat", "/data/caddy/pki/authorities/local/root.crt")
    context = ssl.create_default_context(cadata=root)
    name, port = _HOST, production.ports["HTTPS_PORT"]

    def ask(connection: http.client.HTTPConnection, path: str) -> http.client.HTTPResponse:
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
        return answer

    answer = ask(http.client.HTTPSConnection(name, port, timeout=60, context=context), "/api/identity/health")
    assert answer.status == 200
    assert answer.headers["Strict-Transport-Security"] == "max-age=0"
    health = ask(http.client.HTTPSConnection(name, port, timeout=60, context=context), "/actuator/health")
    assert health.status == 404
    plain = ask(http.client.HTTPConnection(name, production.ports["HTTP_PORT"], timeout=60), "/api/identity/health")
    assert plain.status == 308
    assert (plain.headers["Location"] or "").startswith("https://")


def test_every_refused_request_of_the_table_is_refused(production: PlatformUnderTest) -> None:
    """As before the small server of the engine tests; and what arrives there needs a token here."""
    wrong = []
    for request in requests_of("front", _HOST):
        wanted = {request.status} if request.status != 200 else {401, 404}
        if "http://" in request.name:
            # Another host than the one that has the certificate.
            wanted = {421}
        status, _ = exchange(production.ports["HTTPS_PORT"], request.sent, tls=_HOST)
        wrong += [] if status in wanted else [f"{request.name}: {status}"]
    assert wrong == []


def test_no_header_gives_a_client_a_rate_limit_of_its_own(production: PlatformUnderTest) -> None:
    for request in requests_of("front", _HOST):
        if request.absent[1:]:
            sent = request.sent.replace(b"/api/echo", b"/api/identity/health")
            assert exchange(production.ports["HTTPS_PORT"], sent, tls=_HOST)[0] == 200, request.name
    password = production.secret("redis_password")
    script = f"AUTH {password}\nKEYS request_rate_limiter*\n"
    keys = docker("exec", "-i", production.container("redis"), "redis-cli", stdin=script)
    assert len(set(re.findall(r"request_rate_limiter\.\{identity\.([^}]*)\}", keys))) == 1, keys


def test_smoke_passes_in_production(production: PlatformUnderTest) -> None:
    """Each service through the gateway: the networks allow what is needed."""
    production.wait_for_smoke()
