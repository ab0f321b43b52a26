"""Three containers of one service share its work; when one dies under load, clients hardly notice."""

from __future__ import annotations

import re
import sys
import time

import pytest

from tests.support.load import Account, Ask, Load
from tests.support.platform import PlatformUnderTest, docker

pytestmark = pytest.mark.timeout(900)

_ASK = Ask("patient", "GET", "/api/patients/about")
_RATE = 50
# A plain question from inside a container, which may lie in networks without a way out.
_GET = """exec 3<>"/dev/tcp/$1/$2"; printf 'GET %s HTTP/1.0\\r\\nAccept: */*\\r\\n\\r\\n' "$3" >&3; cat <&3"""
# What dies with requests in its hands takes those with it; more would mean that it is asked on.
_A_HANDFUL = 10


def get(container: str, host: str, port: int, path: str) -> str:
    return docker("exec", container, "bash", "-c", _GET, "get", host, str(port), path)


def replicas(production: PlatformUnderTest) -> list[str]:
    return [f"{production.name}-rofecare-service-patient-{number}" for number in (1, 2, 3)]


def served(container: str) -> int:
    """How many of our requests the container has answered since it was started."""
    text = get(container, "127.0.0.1", 8082, "/actuator/prometheus")
    rows = re.findall(
        r'^http_server_requests_seconds_count\{.*uri="/api/patients/about".*\} ([\d.E]+)', text, re.MULTILINE
    )
    return sum(int(float(row)) for row in rows)


def test_three_share_the_work_and_the_loss_of_one_is_hardly_noticed(
    production: PlatformUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    names = replicas(production)
    gateway = production.container("rofecare-gateway")
    registered = get(gateway, "rofecare-discovery-server", 8761, "/eureka/apps/ROFECARE-SERVICE-PATIENT")
    assert registered.count("<status>UP</status>") == len(names)

    base = f"https://localhost:{production.ports['HTTPS_PORT']}"
    before = {name: served(name) for name in names}
    with Load(base, [_ASK], rate=_RATE, login=Account(), timeout=20, retries=2) as load:
        time.sleep(10)
        shares = {name: served(name) - before[name] for name in names}
        docker("kill", names[1])
        time.sleep(20)
    with capsys.disabled():
        first = load.failed(at_once=True)
        why = sorted({one.error or str(one.status) for one in first})
        sys.stdout.write(
            f"\nshares: {shares}; failed at once: {len(first)} of {len(load.shots)} {why}\n{load.summary()}\n"
        )
    assert min(shares.values()) > sum(shares.values()) / len(names) / 2, shares
    assert len(load.failed(at_once=True)) <= _A_HANDFUL
    assert not load.failed(), "not even another attempt of the client helped"

    docker("start", names[1])
    end = time.monotonic() + 120
    while docker("inspect", "--format", "{{.State.Health.Status}}", names[1]) != "healthy":
        assert time.monotonic() < end
        time.sleep(1)
