"""Production behind its front: who reaches whom, and what the processes may do. Tried, not read."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import ssl
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support import reach
from tests.support.documented import APPLICATIONS, BUSINESS, EVERYTHING, database_of
from tests.support.platform import SHIFT, PlatformUnderTest, docker
from tests.support.project import REPOSITORY

Json = dict[str, Any]

_FRONT_PORTS = {8080, 8443}
# Beside the documented ports: the agent of the metrics, Zookeeper's own administration.
_METRICS = 9404
_PORTS = {
    **{name: {target} for name, (_, target) in EVERYTHING.items()},
    "kafka": {29092, _METRICS},
    "zookeeper": {2181, _METRICS},
    "front": _FRONT_PORTS,
}
_BACKEND = {*APPLICATIONS, "redis", "kafka", "zookeeper"}
_WAYS_OUT = {"front", "rofecare-service-platform"}
_HOST = "localhost"


@pytest.fixture(scope="module")
def running(production: PlatformUnderTest) -> dict[str, Json]:
    """Service -> its container; what has done its work is left out."""
    return {name: one for name, one in production.containers().items() if one["State"]["Running"]}


@pytest.fixture(scope="module")
def targets(running: dict[str, Json]) -> dict[reach.Target, str]:
    """Every address with every port on which anybody listens -> whose address it is."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        ports_of = pool.map(lambda one: reach.listening(one["Name"][1:]), running.values())
        found = dict(zip(running, ports_of, strict=True))
    for name, ports in found.items():
        assert ports >= _PORTS[name], f"{name} does not listen where it is said to"
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


def test_what_runs(running: dict[str, Json]) -> None:
    assert set(running) == {*EVERYTHING, "front"}


def test_each_reaches_what_it_is_meant_to_and_nothing_else(
    running: dict[str, Json], targets: dict[reach.Target, str]
) -> None:
    """All pairs, all ports, from inside each container."""

    def reached(source: str) -> set[tuple[str, int]]:
        own = {address.rpartition(".")[0] for address in reach.addresses(running[source]).values()}
        # What is routed out of this machine arrives at nobody of ours, and only two get that far.
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
        missing, more = expected - seen[source], seen[source] - expected
        # Some listen on further ports of their own choice, such as a JVM's management; they count for those who share
        # a network with them on purpose, and for nobody else.
        more = {(name, port) for name, port in more if not _meant(source, name)}
        assert (missing, more) == (set(), set()), source


def test_no_way_out_of_what_is_closed(running: dict[str, Json]) -> None:
    """Neither to this machine, by any of its addresses, nor by it to others; the two that are to get out, do."""
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


def test_from_this_machine_the_front_alone_answers(
    production: PlatformUnderTest, targets: dict[reach.Target, str]
) -> None:
    here = [target for target in targets if reach.stays_here(target[0])]
    # This machine has no route to any other. To the platform service's way out it has one, as to every such network.
    assert {targets[target] for target in here} == _WAYS_OUT
    assert {targets[target] for target in reach.answering_here(here)} <= _WAYS_OUT
    published = {production.ports["HTTP_PORT"], production.ports["HTTPS_PORT"]}
    every = [(address, port) for address in ("127.0.0.1", reach.own_address()) for port in production.ports.values()]
    assert {port for _, port in reach.answering_here(every)} == published


def test_from_another_container_the_front_alone_answers(
    production: PlatformUnderTest, targets: dict[reach.Target, str]
) -> None:
    here = [target for target in targets if reach.stays_here(target[0])]
    assert {targets[target] for target in reach.answering_outside(here)} <= {"front"}
    every = [(reach.own_address(), port) for port in production.ports.values()]
    published = {production.ports["HTTP_PORT"], production.ports["HTTPS_PORT"]}
    assert {port for _, port in reach.answering_outside(every)} == published


def test_the_front_speaks_tls_for_the_gateway(production: PlatformUnderTest) -> None:
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
    assert "max-age" in (answer.headers["Strict-Transport-Security"] or "")
    told = ask(http.client.HTTPSConnection(name, port, timeout=60, context=context), "/actuator/health")
    assert told.status == 404
    plain = ask(http.client.HTTPConnection(name, production.ports["HTTP_PORT"], timeout=60), "/api/identity/health")
    assert plain.status == 308
    assert (plain.headers["Location"] or "").startswith("https://")


def test_all_of_it_works(production: PlatformUnderTest) -> None:
    """Each service by way of the gateway: what is closed is not closed to what is needed."""
    end = time.monotonic() + 60
    while production.inv("smoke")[0] != 0:
        assert time.monotonic() < end, production.inv("smoke")[1]


def test_no_process_is_root_or_has_a_capability(running: dict[str, Json]) -> None:
    script = "cat /proc/[0-9]*/status 2>/dev/null || true"
    for name, one in running.items():
        texts = docker("exec", one["Name"][1:], "bash", "-c", script).split("Name:\t")[1:]
        # What the engine is just about to turn into a health check is the engine's own, for some milliseconds.
        processes = [text for text in texts if not text.startswith("runc")]
        assert processes
        lines = [line.split() for text in processes for line in text.splitlines()[1:]]
        assert "0" not in {word for line in lines if line[0] == "Uid:" for word in line[1:]}, name
        assert {int(line[1], 16) for line in lines if line[0] in {"CapEff:", "CapPrm:"}} == {0}, name
        assert {line[1] for line in lines if line[0] == "NoNewPrivs:"} == {"1"}, name


def test_no_flag_of_compose_removes_the_volumes(production: PlatformUnderTest) -> None:
    """`down -v` on the model itself, with a dry run: what it would remove is said."""
    chosen = [word for kind in ("", ".prod", ".tls") for word in ("-f", f"docker/docker-compose{kind}.yml")]
    words = ["compose", "--project-directory", "docker", *chosen, "config", "--format", "json"]
    model = json.loads(docker_with(production, *words))
    assert all(volume["external"] for volume in model["volumes"].values())
    labelled = docker("volume", "ls", "-q", "--filter", f"label=com.docker.compose.project={production.name}")
    assert labelled == ""


def docker_with(platform: PlatformUnderTest, *words: str) -> str:
    """Run `docker` with the platform's settings, in the repository."""
    environment = {**os.environ, **platform.environment}
    return subprocess.check_output(["docker", *words], cwd=REPOSITORY, env=environment, text=True)


# Check -> whether a container passes it. What depends on the engine or on people has no line here.
_SECTION_5: dict[str, Callable[[Json], bool]] = {
    "5.4": lambda one: (
        one["HostConfig"]["CapDrop"] == ["ALL"]
        and {*(one["HostConfig"]["CapAdd"] or [])} <= {"NET_BIND_SERVICE", "CAP_NET_BIND_SERVICE", "CHOWN", "CAP_CHOWN"}
    ),
    "5.5": lambda one: not one["HostConfig"]["Privileged"],
    "5.6": lambda one: (
        not [
            mount["Source"]
            for mount in one["Mounts"]
            if mount["Type"] == "bind" and re.match(r"/(boot|dev/(?!null)|etc|lib|proc|sys|usr)?$", mount["Source"])
        ]
    ),
    "5.7": lambda one: "sshd" not in docker("top", one["Id"]) if one["State"]["Running"] else True,
    "5.8": lambda one: all(
        int(port["HostPort"]) - SHIFT >= 1024  # the tests publish on higher ports than a site does
        for ports in (one["HostConfig"]["PortBindings"] or {}).values()
        for port in ports
    ),
    "5.10": lambda one: one["HostConfig"]["NetworkMode"] != "host",
    "5.11": lambda one: one["HostConfig"]["Memory"] > 0,
    "5.12": lambda one: one["HostConfig"]["CpuShares"] not in {0, 1024},
    "5.13": lambda one: one["HostConfig"]["ReadonlyRootfs"],
    "5.14": lambda one: all(
        port["HostIp"] not in {"", "0.0.0.0", "::"}  # noqa: S104 - what is looked for
        for ports in (one["HostConfig"]["PortBindings"] or {}).values()
        for port in ports
    ),
    "5.15": lambda one: one["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 5},
    "5.16": lambda one: one["HostConfig"]["PidMode"] != "host",
    "5.17": lambda one: one["HostConfig"]["IpcMode"] != "host",
    "5.18": lambda one: not one["HostConfig"]["Devices"],
    "5.20": lambda one: all(mount["Propagation"] != "shared" for mount in one["Mounts"]),
    "5.21": lambda one: one["HostConfig"]["UTSMode"] != "host",
    "5.22": lambda one: not [word for word in one["HostConfig"]["SecurityOpt"] if word == "seccomp=unconfined"],
    "5.25": lambda one: one["HostConfig"]["CgroupParent"] == "",
    "5.26": lambda one: "no-new-privileges:true" in one["HostConfig"]["SecurityOpt"],
    "5.27": lambda one: bool(one["State"].get("Health")),
    "5.29": lambda one: (one["HostConfig"]["PidsLimit"] or 0) > 0,
    "5.30": lambda one: one["HostConfig"]["NetworkMode"] not in {"bridge", "default"},
    "5.31": lambda one: one["HostConfig"]["UsernsMode"] != "host",
    "5.32": lambda one: not [mount for mount in one["Mounts"] if mount["Source"].endswith("docker.sock")],
}


@pytest.mark.parametrize("check", _SECTION_5)
@pytest.mark.parametrize("document", ["production.md", "production.fr.md"])
def test_the_table_of_docker_bench_security_says_what_is(
    production: PlatformUnderTest, check: str, document: str
) -> None:
    containers = production.containers()
    failing = {name for name, one in containers.items() if not _SECTION_5[check](one)}
    text = (REPOSITORY / "docs" / document).read_text()
    (result,) = re.findall(rf"^\| {re.escape(check)} \| [^|]* \| ([^|]*) \|", text, re.MULTILINE)
    if result == "all":
        assert failing == set(containers)
    elif check == "5.13":
        assert failing == set(), "on packaged images nothing may write into its image"
    else:
        assert failing == set(re.findall(r"`([\w-]+)`", result)), result
