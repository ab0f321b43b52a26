"""Three containers of one service: Eureka lists all, the gateway balances requests, and one of them may be killed."""

from __future__ import annotations

import re
import sys
import time
import uuid

import pytest

from rofecare_infra.http import basic
from tests.support.documented import MANAGEMENT_PORT
from tests.support.load import Account, Ask, Load
from tests.support.platform import PlatformUnderTest, docker

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

_ASK = Ask("patient", "GET", "/api/patients/about")
_WRITE = Ask("patient", "POST", "/api/patients/records", lambda: {"name": uuid.uuid4().hex})
_RATE = 10
_HANDFUL = 12
# An HTTP request from inside a container, which may be in internal networks only.
_GET = """exec 3<>"/dev/tcp/$1/$2"; printf 'GET %s HTTP/1.0\\r\\nAccept: */*\\r\\n%s\\r\\n' "$3" "$4" >&3; cat <&3"""


def get(container: str, host: str, port: int, path: str, header: str = "") -> str:
    line = f"{header}\r\n" if header else ""
    return docker("exec", container, "bash", "-c", _GET, "get", host, str(port), path, line)


def replicas(production: PlatformUnderTest) -> list[str]:
    return [f"{production.name}-rofecare-service-patient-{number}" for number in (1, 2, 3)]


def served(container: str) -> int:
    """How many of our requests the container has answered since it was started."""
    text = get(container, "127.0.0.1", MANAGEMENT_PORT, "/actuator/prometheus")
    rows = re.findall(
        r'^http_server_requests_seconds_count\{.*uri="/api/patients/about".*\} ([\d.E]+)', text, re.MULTILINE
    )
    return sum(int(float(row)) for row in rows)


def test_three_replicas_share_the_work(production: PlatformUnderTest) -> None:
    names = replicas(production)
    gateway = production.container("rofecare-gateway")
    password = (production.secrets / "discovery_server_password").read_text().strip()
    login = f"Authorization: {basic('rofecare', password)['Authorization']}"
    registered = get(gateway, "rofecare-discovery-server", 8761, "/eureka/apps/ROFECARE-SERVICE-PATIENT", login)
    assert registered.count("<status>UP</status>") == len(names)

    base = f"https://localhost:{production.ports['HTTPS_PORT']}"
    before = {name: served(name) for name in names}
    with Load(base, [_ASK], rate=_RATE, login=Account(), timeout=20, retries=2):
        time.sleep(10)
    shares = {name: served(name) - before[name] for name in names}
    assert min(shares.values()) > sum(shares.values()) / len(names) / 2, shares


@pytest.mark.alone
def test_a_killed_replica_under_load_fails_no_retried_request(
    production: PlatformUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = replicas(production)[1]
    base = f"https://localhost:{production.ports['HTTPS_PORT']}"
    # A service is slow just after its start; this warms it up.
    with Load(base, [_ASK, _WRITE], rate=_RATE, login=Account(), timeout=20):
        time.sleep(20)
    with Load(base, [*[_ASK] * 4, _WRITE], rate=50, login=Account(), timeout=20, retries=2) as load:
        time.sleep(5)
        try:
            docker("kill", victim)
            time.sleep(20)
        finally:
            docker("start", victim)
    at_once = load.failed("patient", at_once=True)
    with capsys.disabled():
        sys.stdout.write(f"\none of three killed: {len(at_once)} failed at first\n{load.summary()}\n")
    assert not load.failed("patient"), "after the client's second try none may fail"
    # What the instance was about to answer when it ended, and no more.
    assert len(at_once) <= _HANDFUL
