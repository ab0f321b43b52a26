"""Production's front, with its own files and networks, before a small server in place of the gateway."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.engine import Container, connect
from rofecare_infra.lifecycle import hold
from rofecare_infra.process import to_end
from rofecare_infra.state import SYSTEM_CLOCK
from tests.support.http_requests import Slow, exchange, requests_of, trickle
from tests.support.images import ensure, ensure_base
from tests.support.lease import free_port
from tests.support.locked import probe
from tests.support.project import IMAGE, REPOSITORY, Project, check, small_network, wait_for

Json = dict[str, Any]
pytestmark = [pytest.mark.full, pytest.mark.timeout(120)]

# Records each request that it has read, waits where the path says so, and answers with its version, nothing, or the
# request as it came.
_SERVER = r"""
use IO::Socket::INET; $SIG{CHLD} = 'IGNORE'; $SIG{TERM} = sub { exit 0 };
my $s = IO::Socket::INET->new(LocalPort => fork ? 8080 : 9000, Listen => 50, ReuseAddr => 1) or die;
while (my $c = $s->accept) {
    next if fork;
    my $line = <$c>;
    my $head = $line;
    while (<$c>) { last if /^\r?$/; $head .= $_ }
    open(my $f, '>>', '/seen/requests'); print $f $line; close $f;
    sleep $1 if $line =~ /wait=(\d+)/;
    my $text = $line =~ /echo/ ? $head : $ENV{VERSION};
    my $status = $line =~ /behind-time/ ? '408 Request Timeout' : '200 OK';
    print $c "HTTP/1.0 $status\r\n\r\n$text" unless $line =~ /silent/;
    close $c; exit;
}
"""
_LISTENS = "perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(q(127.0.0.1:8080))'"
_GATEWAY = "rofecare-gateway"


@dataclass(frozen=True)
class Answer:
    """The answer to a request, and when it came."""

    status: int
    text: str
    retry_after: str
    seconds: float
    moment: float


class Front:
    """The front of the compose files in a project of its own, started."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        services, networks = _production()
        services["front"]["ports"] = [f"127.0.0.1:{self.port}:8080"]
        services[_GATEWAY] = {
            "image": IMAGE,
            "entrypoint": ["perl", "-e", _SERVER.replace("$", "$$")],
            "environment": {"VERSION": "${VERSION:-one}"},
            "volumes": ["seen:/seen"],
            "networks": ["front"],
            "healthcheck": probe(_LISTENS),
            "labels": {"com.rofecare.phase": "spring-cloud"},
        }
        self.project = Project(folder, services, networks=networks, volumes={"front-data": {}, "seen": {}})
        self.engine = connect()

    def container(self) -> Container:
        """The container of the front."""
        return next(one for one in self.engine.containers(self.project.name) if one.service == "front")

    def close(self) -> float:
        """Close it as the tasks do; return the moment when that was complete."""
        to_end(hold.close(self.engine, self.container(), SYSTEM_CLOCK))
        return time.monotonic()

    def ask(self, method: str, path: str) -> Answer:
        """Send one request on a connection of its own."""
        began = time.monotonic()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, path, body=b"{}" if method == "POST" else None)
            answer = connection.getresponse()
            text = answer.read().decode()
        now = time.monotonic()
        return Answer(answer.status, text, answer.headers["Retry-After"] or "", now - began, now)

    def requests(self) -> list[str]:
        """The paths of the requests that have reached the server."""
        lines = self.project.docker("exec", f"{self.project.name}-{_GATEWAY}-1", "cat", "/seen/requests")
        return [line.split()[1] for line in lines.splitlines()]

    def seen(self, path: str) -> int:
        """How many requests to this path have reached the server."""
        return self.requests().count(path)


def _production() -> tuple[dict[str, Json], Json]:
    """The services of the front and its networks as the compose files describe them."""
    names = ("", ".prod", ".packages", ".prod.packages")
    files = [word for name in names for word in ("-f", f"docker-compose{name}.yml")]
    argv = ["docker", "compose", *files, "config", "--format", "json"]
    ours = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    model = json.loads(subprocess.check_output(argv, cwd=REPOSITORY / "docker", env=ours))
    services = {name: model["services"][name] for name in ("front", "front-data")}
    for one in services.values():
        # Without the mode: it would make a production platform of this project.
        del one["build"], one["labels"]["com.rofecare.mode"]
    front = {key: model["networks"]["front"][key] for key in ("internal", "driver_opts")}
    return services, {"front": {**front, **small_network()}, "edge": small_network()}


@pytest.fixture(scope="module")
def front(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    assert engine is not None
    ensure_base()
    ensure("rofecare/caddy:2.6")
    started = Front(tmp_path_factory.mktemp("front") / "project")
    check(started.project.inv("start-all"), 0, "up: 3 of 3")
    yield started
    started.project.clean()


def test_requests_pass_but_those_for_administrators(front: Front) -> None:
    assert (front.ask("GET", "/api/").status, front.ask("GET", "/api/").text) == (200, "one")
    assert front.ask("POST", "/api/once").status == 200
    assert front.seen("/api/once") == 1
    assert front.ask("GET", "/actuator/health").status == 404
    assert front.seen("/actuator/health") == 0


def test_every_request_of_the_table_is_refused_or_arrives_as_it_was_sent(front: Front) -> None:
    wrong = []
    for request in requests_of("front"):
        status, body = exchange(front.port, request.sent)
        arrived = body.decode(errors="replace")
        if status != request.status or (request.arrives and request.arrives not in arrived):
            wrong.append(f"{request.name}: {status}, {arrived[:200]}")
        wrong += [f"{request.name}: arrived" for text in request.absent if text.lower() in arrived.lower()]
    assert wrong == []


def test_the_refusal_of_a_slow_body_does_not_wait_for_its_end(front: Front) -> None:
    status, seconds = trickle(front.port, Slow("slow", "/api/behind-time", seconds=40, due=30, status=408))
    assert (status, seconds < 20) == (408, True)


def test_it_holds_what_reads_and_sends_what_changes_data_once(front: Front) -> None:
    assert front.ask("POST", "/api/silent").status == 502
    assert front.seen("/api/silent") == 1
    gateway = f"{front.project.name}-{_GATEWAY}-1"
    front.project.docker("stop", gateway)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(front.ask, "GET", "/api/held")
        unsent = front.ask("POST", "/api/unsent")
        time.sleep(1)
        front.project.docker("start", gateway)
        answer = held.result()
    assert (answer.status, answer.seconds >= 1, front.seen("/api/held")) == (200, True, 1)
    assert (unsent.status, unsent.retry_after, front.seen("/api/unsent")) == (503, "5", 0)


def test_closed_it_passes_nothing_on_until_it_is_opened(front: Front) -> None:
    """It finishes what it had accepted, and a restart does not open it."""
    with ThreadPoolExecutor() as pool:
        accepted = pool.submit(front.ask, "POST", "/api/accepted?wait=1")
        time.sleep(0.3)
        complete = front.close()
        assert accepted.result().status == 200
        assert accepted.result().moment <= complete + 0.5
    refused = [front.ask(method, "/api/late") for method in ("GET", "POST", "DELETE")]
    assert {(one.status, one.retry_after) for one in refused} == {(503, "5")}
    assert front.seen("/api/late") == 0

    front.project.docker("restart", front.container().name)
    wait_for(front.project, "front", "{{.State.Health.Status}}", "healthy")
    assert front.ask("GET", "/api/late").status == 503
    check(front.project.inv("status"), 7, "closed: inv start-all opens it", "2 of 3 ready")

    check(front.project.inv("start-all"), 0, "front is open", "up: 3 of 3")
    assert front.ask("GET", "/api/").status == 200
    assert front.seen("/api/late") == 0


def test_an_upgrade_fails_no_request(front: Front) -> None:
    """Each request is answered by the old or the new version, or by 503 with Retry-After; none is sent twice."""
    before = front.container()
    front.project.environment["VERSION"] = "two"
    answers: dict[str, Answer] = {}
    with front.project.popen("upgrade") as upgrade:
        while upgrade.poll() is None:
            path = f"/api/{len(answers)}"
            answers[path] = front.ask("POST" if len(answers) % 2 else "GET", path)
            time.sleep(0.02)
        assert upgrade.stdout is not None
        check((upgrade.returncode, upgrade.stdout.read()), 0, "front is closed", "1 services replaced")
    answers["/api/last"] = front.ask("GET", "/api/last")
    texts = [one.text for one in answers.values() if one.status == 200]
    assert texts == sorted(texts)
    assert {texts[0], texts[-1]} == {"one", "two"}
    refused = [one for one in answers.values() if one.status != 200]
    assert {(one.status, one.retry_after) for one in refused} == {(503, "5")}
    requests = front.requests()
    assert [requests.count(path) for path, one in answers.items()] == [one.status == 200 for one in answers.values()]
    now = front.container()
    assert (now.id, now.started_at) == (before.id, before.started_at), "it answers all the time"
