"""A second machine with a route to a bridge of the engine tries a port that is published on 127.0.0.1."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress

import pytest

from rofecare_infra.engine import Engine
from rofecare_infra.hosting.loopback import Command, commands, undone
from rofecare_infra.lifecycle.loopback import Case, case_of
from rofecare_infra.platform import Platform, Port
from tests.support.fakes import service
from tests.support.lease import free_port, small_subnet
from tests.support.leftovers import RUN
from tests.support.platform import docker
from tests.support.project import IMAGE

# TEST-NET-2: no network of an engine has it.
_HERE, _THERE = "198.51.100.1", "198.51.100.2"
_LISTEN = (
    "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die;"
    " while (my $c = $s->accept) { close $c }"
)
_TRY = "exec 3<>/dev/tcp/{}/{}"


def root(*argv: str, check: bool = True) -> bool:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.returncode == 0


def carry_out(steps: tuple[Command, ...]) -> None:
    for one in steps:
        root(*one.argv, check=not one.may_fail)


@pytest.fixture
def segment() -> Iterator[str]:
    """A network namespace that is connected to this machine: the second machine."""
    name = f"seg-{uuid.uuid4().hex[:6]}"
    if not root("ip", "netns", "add", name, check=False):
        pytest.skip("network namespaces need root")
    try:
        root("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        root("ip", "address", "add", f"{_HERE}/30", "dev", name)
        root("ip", "link", "set", name, "up")
        for words in (("address", "add", f"{_THERE}/30", "dev", "eth0"), ("link", "set", "eth0", "up")):
            root("ip", "-n", name, *words)
        yield name
    finally:
        root("ip", "netns", "del", name)
        root("ip", "link", "del", name, check=False)


@pytest.fixture
def published(engine: Engine) -> Iterator[tuple[str, str, int]]:
    """A container that listens: its project and name, its address, and its port for other machines."""
    assert engine
    project, port = f"loopback-{RUN}-{uuid.uuid4().hex[:6]}", free_port()
    label = f"com.docker.compose.project={project}"
    docker("network", "create", "--label", label, "--subnet", small_subnet(), project)
    try:
        where = ("-p", "127.0.0.1::8080", "-p", f"0.0.0.0:{port}:8080")
        docker("run", "-d", "--name", project, "--network", project, *where, IMAGE, "perl", "-e", _LISTEN)
        template = '{{(index .NetworkSettings.Networks "' + project + '").IPAddress}}'
        yield project, docker("inspect", "-f", template, project).strip(), port
    finally:
        with suppress(AssertionError, subprocess.CalledProcessError):
            docker("rm", "-f", project)
        docker("network", "rm", project)


def test_a_route_to_the_bridge_leads_no_other_machine_to_the_port(
    engine: Engine, segment: str, published: tuple[str, str, int]
) -> None:
    project, address, port = published
    root("ip", "-n", segment, "route", "add", "default", "via", _HERE)

    def reaches(to: str, number: int) -> bool:
        argv = ("ip", "netns", "exec", segment, "timeout", "1", "bash", "-c", _TRY.format(to, number))
        return root(*argv, check=False)

    def within() -> bool:
        script = f"timeout 3 bash -c '{_TRY.format(address, 8080)}'"
        done = ["docker", "run", "--rm", "--network", project, IMAGE, "bash", "-c", script]
        return root(*done, check=False)

    end = time.monotonic() + 10
    while not reaches(_HERE, port):
        assert time.monotonic() < end, "the port for other machines does not answer"
        time.sleep(0.1)
    local = Platform(project, (service("app", ports=(Port("127.0.0.1", 1, 8080),)),))
    # What the rules close is open before, exactly where the case is reported as open.
    assert reaches(address, 8080) == (case_of(local, engine.machine()) is Case.OPEN)
    bridges = engine.bridges(project)
    assert len(bridges) == 1
    try:
        # A second time they replace themselves.
        carry_out(commands(project, bridges))
        carry_out(commands(project, bridges))
        assert not reaches(address, 8080)
        assert reaches(_HERE, port), "a port for other machines"
        assert within(), "containers of the same network"
        assert root("timeout", "3", "bash", "-c", _TRY.format(address, 8080), check=False), "this machine"
    finally:
        carry_out(undone(project))
    assert not root("iptables", "-t", "raw", "-S", undone(project)[1].argv[-1], check=False)
