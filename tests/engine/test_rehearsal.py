"""The networks of a rehearsal's copy on a real engine: its services reach each other, and nothing else."""

from __future__ import annotations

import ipaddress
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.upgrade.isolated import copied
from tests.support import reach
from tests.support.project import MakeProject, Project, check, service, small_network

Json = dict[str, Any]

PORT = 7000
# The dollar signs are those of Perl.
LISTEN = (
    "exec perl -MIO::Socket::INET -e "
    f"'$$s = IO::Socket::INET->new(LocalPort => {PORT}, Listen => 9); 1 while $$s->accept'"
)
# Interface -> its hardware address.
INTERFACES = "cd /sys/class/net && for one in eth*; do echo $one $(cat $one/address); done"

pytestmark = [pytest.mark.full, pytest.mark.timeout(120)]


@pytest.fixture
def original(make_project: MakeProject) -> Project:
    """A client with a way out, in front of a server without one; the names sort the other way round."""
    out: Json = {"out": {}, "inside": {}}
    services = {
        "server": service(LISTEN, networks={"inside": {}}),
        "client": service("exec sleep infinity", networks=out, extra_hosts=["machine:host-gateway"]),
    }
    networks = {"out": small_network(), "inside": {"internal": True, **small_network()}}
    return make_project(services, networks=networks)


@pytest.fixture
def copy(original: Project, tmp_path: Path) -> Iterator[str]:
    """The started copy; its project name."""
    check(original.inv("start-all"), 0)
    files = ["docker", "compose", "--file", str(original.root / "docker/docker-compose.yml")]
    model: Json = json.loads(subprocess.check_output([*files, "config", "--format", "json"], text=True))
    new = copied(model, {})
    (tmp_path / "copy.json").write_text(json.dumps(new))
    compose = ["docker", "compose", "--file", str(tmp_path / "copy.json")]
    try:
        subprocess.run([*compose, "up", "--detach", "--wait"], check=True, capture_output=True)
        yield str(new["name"])
    finally:
        subprocess.run([*compose, "down", "--volumes", "--timeout", "1"], check=True, capture_output=True)


def order(container: Json) -> list[str]:
    """The networks of a container in the order of its interfaces, without the name of the project."""
    networks = {one["MacAddress"]: name for name, one in container["NetworkSettings"]["Networks"].items()}
    printed = subprocess.check_output(["docker", "exec", container["Id"], "sh", "-c", INTERFACES], text=True)
    return [networks[line.split()[1]].rpartition("_")[2].lstrip(".") for line in sorted(printed.splitlines())]


def first_address(project: Project, network: str) -> str:
    """The address of this machine in a network, where it has one."""
    found = json.loads(project.docker("network", "inspect", network))[0]["IPAM"]["Config"][0]["Subnet"]
    return str(next(ipaddress.ip_network(found).hosts()))


def test_the_copy_reaches_itself_alone(original: Project, copy: str) -> None:
    containers: dict[str, Json] = {}
    for project in (original.name, copy):
        for name in ("client", "server"):
            containers[f"{project}-{name}"] = json.loads(original.docker("inspect", f"{project}-{name}-1"))[0]
    servers = {
        project: next(iter(reach.addresses(containers[f"{project}-server"]).values()))
        for project in (original.name, copy)
    }
    with reach.listener() as (address, port):
        networks = {name for one in containers.values() for name in one["NetworkSettings"]["Networks"]}
        gateways = {(first_address(original, name), port) for name in networks}
        targets = {(address, port), *gateways, *((server, PORT) for server in servers.values())}
        before = reach.answering(f"{original.name}-client-1", targets)
        assert {(address, port), (servers[original.name], PORT)} <= before, "the original has a way out"
        assert reach.answering(f"{copy}-client-1", targets) == {(servers[copy], PORT)}
    # Names lead to the copy, and to nothing that the original knows.
    hosts = ["docker", "exec", f"{copy}-client-1", "getent", "hosts"]
    assert subprocess.check_output([*hosts, "server"], text=True).split()[0] == servers[copy]
    assert subprocess.run([*hosts, "machine"], capture_output=True, check=False).returncode != 0
    assert order(containers[f"{copy}-client"]) == order(containers[f"{original.name}-client"])
