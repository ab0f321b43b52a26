"""The health check of the applications, run as it is, with this machine in place of a container."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rofecare_infra.gates import Failed, judge
from tests.support.fakes import container, service


@dataclass
class Application:
    """A server that answers with this status on every address, and what it was asked."""

    port: int = 0
    status: int = 200
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def application() -> Iterator[Application]:
    found = Application()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            found.asked.append(f"{self.command} {self.path}")
            self.send_response(found.status)
            self.end_headers()
            self.wfile.write(b'{"status":\n"UP"}\n')

        do_GET = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("0.0.0.0", 0), Handler)  # noqa: S104 - a loopback address does not count
    found.port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed() -> int:
    """A port on which nothing listens."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()
    return server.server_port


def ready(root: Path, *words: str, **environment: object) -> tuple[int, str]:
    argv = ["bash", str(root / "docker" / "config" / "application" / "ready.sh"), *words]
    env = {"PATH": os.environ["PATH"], **{name: str(value) for name, value in environment.items()}}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=30)
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, "/actuator/health/readiness"),
        ({"MANAGEMENT_ENDPOINTS_WEB_BASE_PATH": "/manage"}, "/manage/health/readiness"),
        ({"MANAGEMENT_ENDPOINTS_WEB_BASE_PATH": "/"}, "/health/readiness"),
        ({"MANAGEMENT_SERVER_BASE_PATH": "/m"}, "/m/actuator/health/readiness"),
        ({"HEALTH_PATH": "/up", "MANAGEMENT_SERVER_BASE_PATH": "/m"}, "/up"),
    ],
)
def test_the_path_that_is_asked(root: Path, application: Application, environment: dict[str, str], path: str) -> None:
    code, output = ready(root, SERVER_PORT=application.port, **environment)
    assert (code, application.asked) == (0, [f"GET {path}"])
    assert output == 'HTTP/1.0 200 OK\n{"status":\n"UP"}\n'


def test_the_port_that_is_asked(root: Path, application: Application, closed: int) -> None:
    port = application.port
    assert ready(root, SERVER_PORT=port, MANAGEMENT_SERVER_PORT=port)[0] == 0
    assert ready(root, SERVER_PORT=port, MANAGEMENT_SERVER_PORT=closed, HEALTH_PORT=port)[0] == 0
    assert ready(root, HEALTH_PORT=port)[0] == 0
    assert len(application.asked) == 3
    code, output = ready(root, SERVER_PORT=port, MANAGEMENT_SERVER_PORT=closed)
    assert code == 1
    assert output.startswith(f"Connection refused: nothing listens on port {closed}, but on ")
    assert str(port) in output.split()


def test_readiness_elsewhere_does_not_hide_that_the_application_is_closed(
    root: Path, application: Application, closed: int
) -> None:
    code, output = ready(root, SERVER_PORT=closed, MANAGEMENT_SERVER_PORT=application.port)
    assert code == 1
    assert f"nothing listens on port {closed} (SERVER_PORT), but on " in output


@pytest.mark.parametrize("status", [401, 404])
def test_another_answer_fails_and_says_where_it_came_from(root: Path, application: Application, status: int) -> None:
    application.status = status
    code, output = ready(root, SERVER_PORT=application.port)
    assert code == 1
    seen = container("app", health="starting", probe=" ".join(output.split()))
    verdict = judge(service("app"), [seen], {}, 1.0)
    assert isinstance(verdict, Failed)
    assert f"it answers {status}" in verdict.cause
    assert f"from port {application.port}, /actuator/health/readiness, so readiness" in verdict.cause


def test_people_ask_other_endpoints(root: Path, application: Application) -> None:
    assert ready(root, "/actuator/metrics", SERVER_PORT=application.port)[0] == 0
    assert ready(root, "/actuator/refresh", "POST", SERVER_PORT=application.port)[0] == 0
    assert application.asked == ["GET /actuator/metrics", "POST /actuator/refresh"]
