"""Production behind its reverse proxy: which container, machine or client reaches which port. Tried from inside."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import reach
from tests.support.documented import APPLICATIONS, BUSINESS, EVERYTHING, MANAGEMENT_PORT, database_of
from tests.support.http_requests import exchange, requests_of
from tests.support.platform import PlatformUnderTest, docker

Json = dict[str, Any]

_FRONT_PORTS = {8080, 8443}
# Beside the documented ports: the agent of the metrics, Zookeeper's own administration.
_METRICS = 9404
_PORTS = {
    **{name: {target} for name, (_, target) in EVERYTHING.items()},
    **{name: {target, MANAGEMENT_PORT} for name, (_, target) in APPLICATIONS.items()},
    "kafka": {29092, _METRICS},
    "zookeeper": {2181, _METRICS},
    "front": _FRONT_PORTS,
}
# In the network that it shares with Kafka alone.
_ZOOKEEPER = ("zookeeper", 2181)
_BACKEND = {*APPLICATIONS, "redis", "kafka", "zookeeper"}
_WAYS_OUT = {"front", "rofecare-service-platform"}
_HOST = "localhost"

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def running(production: PlatformUnderTest) -> dict[str, Json]:
    """Service -> its running container."""
    return {name: one for name, one in production.containers().items() if one["State"]["Running"]}


@pytest.fixture(scope="module")
def targets(running: dict[str, Json]) -> dict[reach.Target, str]:
    """Each address with each port that any container listens on -> the service of that address."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        ports_of = pool.map(lambda one: reach.listening(one["Name"][1:]), running.values())
        found = dict(zip(running, ports_of, strict=True))
    for name, ports in found.items():
        assert ports >= _PORTS[name], f"{name} does not listen on the documented ports"
    ports = {port for one in found.values() for port in one}
    return {
        (address, port): name
        for name, one in running.items()
        for address in reach.addresses(one).values()
        for port in ports
    }


def _meant(source: str, target: str) -> bool:
    pairs = [{name, database_of(name)} for name in BUSINESS] + [{"front", "rofecare-gateway"}]
    return {source, target} in pairs or {source, target} <= _BACKEND


def test_all_services_run(running: dict[str, Json]) -> None:
    assert set(running) == {*EVERYTHING, "front"}


def test_containers_reach_only_what_they_need(running: dict[str, Json], targets: dict[reach.Target, str]) -> None:
    """All pairs, all ports, from inside each container."""

    def reached(source: str) -> set[tuple[str, int]]:
        own = {address.rpartition(".")[0] for address in reach.addresses(running[source]).values()}
        # Only two services have a route out of the machine; packets routed there reach no container.
        others = [
            (address, port)
            for (address, port), name in targets.items()
            if name != source
            and (source not in _WAYS_OUT or address.rpartition(".")[0] in own or reach.stays_here(address))
        ]
        found = reach.answering(running[source]["Name"][1:], others)
        return {(targets[target], target[1]) for target in found}

    with ThreadPoolExecutor(max_workers=2) as pool:
        seen = dict(zip(running, pool.map(reached, running), strict=True))
    for source in running:
        friends = [name for name in running if name != source and _meant(source, name)]
        expected = {(name, port) for name in friends for port in _PORTS[name]}
        if source != "kafka":
            expected.discard(_ZOOKEEPER)
            assert _ZOOKEEPER not in seen[source], "ZooKeeper takes clients other than Kafka"
        missing, more = expected - seen[source], seen[source] - expected
        # Some listen on further ports, such as a JVM's management. Only services that share a network with them on
        # purpose may reach those.
        more = {(name, port) for name, port in more if not _meant(source, name)}
        assert (missing, more) == (set(), set()), source


def test_internal_networks_have_no_route_out(running: dict[str, Json]) -> None:
    """Neither to this machine, by any of its addresses, nor through it to others; the two exceptions have one."""
    with reach.listener() as (address, port):
        assert reach.answering_here([(address, port)]), "the listener itself does not answer"
        gateways = {
            network["Gateway"]
            for one in running.values()
            for network in one["NetworkSettings"]["Networks"].values()
            if network["Gateway"]
        }
        wanted = [(one, port) for one in {address, *gateways}]
        out = {name for name, one in running.items() if reach.answering(one["Name"][1:], wanted)}
    assert out == _WAYS_OUT


def test_this_machine_reaches_only_the_reverse_proxy(
    production: PlatformUnderTest, targets: dict[reach.Target, str]
) -> None:
    here = [target for target in targets if reach.stays_here(target[0])]
    # This machine has a route to the networks of these two only.
    assert {targets[target] for target in here} == _WAYS_OUT
    assert {targets[target] for target in reach.answering_here(here)} <= _WAYS_OUT
    published = {production.ports["HTTP_PORT"], production.ports["HTTPS_PORT"]}
    every = [(address, port) for address in ("127.0.0.1", reach.own_address()) for port in production.ports.values()]
    assert {port for _, port in reach.answering_here(every)} == published


def test_a_foreign_container_reaches_only_the_reverse_proxy(
    production: PlatformUnderTest, targets: dict[reach.Target, str]
) -> None:
    here = [target for target in targets if reach.stays_here(target[0])]
    assert {targets[target] for target in reach.answering_outside(here)} <= {"front"}
    every = [(reach.own_address(), port) for port in production.ports.values()]
    published = {production.ports["HTTP_PORT"], production.ports["HTTPS_PORT"]}
    assert {port for _, port in reach.answering_outside(every)} == published


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
