"""Config server, Eureka and gateway of production: who may register, and what the gateway slows down."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.http import basic
from rofecare_infra.secrets import signed
from tests.support.http_requests import Slow, slow_requests_of, trickle
from tests.support.images import REDIS, ensure, ensure_applications, ensure_base
from tests.support.lease import free_port
from tests.support.locked import probe, secrets
from tests.support.project import IMAGE, REPOSITORY, Project, check, small_network

Json = dict[str, Any]
pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

_CLOUD = ("rofecare-config-server", "rofecare-discovery-server", "rofecare-gateway")
_CALLED = ("rofecare-service-identity", "rofecare-service-patient", "rofecare-service-medical-technology")
_LOGIN = "/api/identity/login"
_SERVERS = ("config_server_password", "discovery_server_password")

# In place of the business services: reads a request to its end and answers it, with 401 unless the password is right.
_BACKEND = r"""
use IO::Socket::INET; $SIG{CHLD} = 'IGNORE'; $SIG{TERM} = sub { exit 0 };
my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 50, ReuseAddr => 1) or die;
while (my $c = $s->accept) {
    next if fork;
    my ($length, $line) = (0, scalar <$c>);
    while (<$c>) { last if /^\r?$/; $length = $1 if /^Content-Length:\s*(\d+)/i }
    read($c, my $body, $length);
    open(my $f, '>>', '/seen/requests'); print $f $line; close $f;
    my $status = $line =~ /login/ && $body !~ /right/ ? '401 Unauthorized' : '200 OK';
    print $c "HTTP/1.1 $status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    close $c; exit;
}
"""
_LISTENS = "perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(q(127.0.0.1:8080))'"


class Cloud:
    """The three applications of Spring Cloud and Redis in a project of their own, started."""

    def __init__(self, folder: Path) -> None:
        self.gateway, self.registry = free_port(), free_port()
        model = _production()
        services = {name: _small(model["services"][name]) for name in (*_CLOUD, "redis")}
        services["rofecare-gateway"]["ports"] = [f"127.0.0.1:{self.gateway}:8080"]
        services["rofecare-discovery-server"]["ports"] = [f"127.0.0.1:{self.registry}:8761"]
        services["redis"]["volumes"] = ["redis-data:/data"]
        services["backend"] = {
            "image": IMAGE,
            "entrypoint": ["perl", "-e", _BACKEND.replace("$", "$$")],
            "networks": ["backend"],
            "volumes": ["seen:/seen"],
            "healthcheck": probe(_LISTENS),
            "labels": {"com.rofecare.phase": "infrastructure"},
        }
        self.project = Project(
            folder,
            services,
            networks={"backend": small_network()},
            volumes={"redis-data": {}, "seen": {}},
            secrets=secrets("redis_password", "jwt_secret", *_SERVERS),
            configs=model["configs"],
        )
        self.slow: list[tuple[Slow, Future[tuple[int, float]]]] = []
        self.project.environment["GATE_TIMEOUT"] = "300"

    def secret(self, name: str) -> str:
        """What is in the file of a secret."""
        return (self.project.root / "docker/secrets" / name).read_text()

    def register(self, name: str, password: str) -> int:
        """Register the backend with Eureka under this name; return the status of the answer."""
        instance = {
            "instanceId": name,
            "hostName": "backend",
            "app": name.upper(),
            "ipAddr": "192.0.2.1",
            "vipAddress": name,
            "status": "UP",
            "port": {"$": 8080, "@enabled": "true"},
            "dataCenterInfo": {"@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", "name": "MyOwn"},
            "leaseInfo": {"durationInSecs": 3600},
        }
        path, body = f"/eureka/apps/{name.upper()}", json.dumps({"instance": instance})
        headers = {"Content-Type": "application/json", **_basic(password)}
        return _ask(self.registry, "POST", path, body, headers)[0]

    def log_in(self, account: str, password: str, address: str = "192.0.2.1") -> tuple[int, float]:
        """Log in through the gateway from this address; return the status and the seconds."""
        began = time.monotonic()
        body = json.dumps({"username": account, "password": password})
        status, _ = _ask(self.gateway, "POST", _LOGIN, body, {"X-Forwarded-For": address})
        return status, time.monotonic() - began

    def seen(self, path: str) -> int:
        """How many requests to this path have reached the services."""
        lines = self.project.docker("exec", f"{self.project.name}-backend-1", "cat", "/seen/requests").splitlines()
        return [line.split()[1] for line in lines].count(path)


def _production() -> Json:
    names = ("", ".prod", ".packages", ".prod.packages")
    files = [word for name in names for word in ("-f", f"docker-compose{name}.yml")]
    argv = ["docker", "compose", *files, "config", "--format", "json"]
    ours = {name: value for name, value in os.environ.items() if name != "COMPOSE_PROJECT_NAME"}
    found: Json = json.loads(subprocess.check_output(argv, cwd=REPOSITORY / "docker", env=ours))
    return found


def _small(service: Json) -> Json:
    """Without limits, in one network, and without the mode: it would make a production platform of this project."""
    del service["build"], service["deploy"], service["labels"]["com.rofecare.mode"]
    service["networks"] = ["backend"]
    service["healthcheck"]["start_interval"] = "500ms"
    if "JAVA_TOOL_OPTIONS" in service["environment"]:
        service["environment"]["JAVA_TOOL_OPTIONS"] = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx256m"
    return service


def _basic(password: str) -> dict[str, str]:
    return basic("rofecare", password) if password else {}


def _ask(port: int, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def cloud(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    assert engine is not None
    ensure_base()
    ensure(REDIS)
    ensure_applications(*_CLOUD)
    started = Cloud(tmp_path_factory.mktemp("cloud") / "project")
    try:
        check(started.project.inv("start-all", timeout=500), 0, "up: 5 of 5")
        password = started.secret("discovery_server_password")
        assert {started.register(name, password) for name in _CALLED} == {204}
        # The gateway reads the registry every second.
        end = time.monotonic() + 30
        while started.log_in("first", "right")[0] != 200:
            assert time.monotonic() < end
            time.sleep(0.5)
        token = signed(started.secret("jwt_secret").encode(), subject="test", now=time.time())
        with ThreadPoolExecutor() as pool:
            # They take their time beside the other tests.
            for one in slow_requests_of("front"):
                header = f"Authorization: Bearer {token}"
                started.slow.append((one, pool.submit(trickle, started.gateway, one, header)))
            yield started
    finally:
        started.project.clean()


def test_an_unknown_client_of_eureka_cannot_register(cloud: Cloud) -> None:
    assert cloud.register("rofecare-service-unknown", "") == 401
    assert cloud.register("rofecare-service-unknown", "wrong") == 401
    assert _ask(cloud.registry, "GET", "/eureka/apps", "", {})[0] == 401
    _, known = _ask(cloud.registry, "GET", "/eureka/apps", "", _basic(cloud.secret("discovery_server_password")))
    assert "ROFECARE-GATEWAY" in known
    assert "SERVICE-UNKNOWN" not in known
    # Neither in the log of a server nor of a client, nor in what the engine knows about a container.
    for name in _CLOUD:
        container = f"{cloud.project.name}-{name}-1"
        written = cloud.project.docker("logs", container) + cloud.project.docker("inspect", container)
        assert not [one for one in _SERVERS if cloud.secret(one) in written]


def test_repeated_failures_of_an_account_at_an_address_are_slowed_down(cloud: Cloud) -> None:
    """Nobody is locked out: neither the account elsewhere nor others at the same address, and a success ends it."""
    assert {cloud.log_in("ada", "wrong")[0] for _ in range(5)} == {401}
    status, seconds = cloud.log_in("Ada", "wrong")
    assert (status, seconds >= 1) == (401, True)
    assert cloud.log_in("ada", "wrong", "192.0.2.2")[1] < 1
    assert cloud.log_in("bob", "wrong")[1] < 1
    assert cloud.log_in("ada", "right")[0] == 200
    assert cloud.log_in("ada", "wrong")[1] < 1


def test_simultaneous_guesses_wait_and_few_at_a_time(cloud: Cloud) -> None:
    before = cloud.seen(_LOGIN)
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: cloud.log_in("eve", "wrong", "192.0.2.3"), range(60)))
    assert {status for status, _ in answers} == {401, 429}
    assert cloud.seen(_LOGIN) - before == len([status for status, _ in answers if status == 401])
    assert max(seconds for status, seconds in answers if status == 401) >= 4


def test_without_redis_nobody_waits(cloud: Cloud) -> None:
    cloud.project.docker("pause", f"{cloud.project.name}-redis-1")
    try:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: cloud.log_in("joe", "wrong", "192.0.2.4"), range(6)))
    finally:
        cloud.project.docker("unpause", f"{cloud.project.name}-redis-1")
    assert {status for status, _ in answers} == {401}
    assert max(seconds for _, seconds in answers) < 4


def test_slow_bodies_end_at_the_limit_of_their_path(cloud: Cloud) -> None:
    """What ends has not reached a service; what is slow and permitted arrives, however long it takes."""
    wrong = []
    for one, future in cloud.slow:
        status, seconds = future.result()
        if status != one.status or seconds > one.due:
            wrong.append(f"{one.name}: {status} after {seconds:.1f} s")
        if one.path != _LOGIN and cloud.seen(one.path) != (status == 200):
            wrong.append(f"{one.name}: {status}, and seen {cloud.seen(one.path)} times")
    assert wrong == []
