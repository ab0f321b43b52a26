"""Rotation of every kind of secret while clients send requests: none waits longer than one service takes to restart."""

from __future__ import annotations

import re
import sys
import time
from datetime import timedelta

import pytest

from tests.support.clients import Clients
from tests.support.load import Account, Load
from tests.support.platform import PlatformUnderTest
from tests.support.routes import READS

pytestmark = [pytest.mark.timeout(900)]

# Seconds from the readiness of a service until the gateway knows of it and the circuit breaker passes a request, on a
# busy machine with two cores.
NOTICED = 25.0


def restarts(output: str) -> dict[str, float]:
    """Container -> seconds, as the command reports them."""
    return {name: float(seconds) for name, seconds in re.findall(r"(\S+-1) \((\d+\.\d) s\)", output)}


@pytest.mark.parametrize(
    ("word", "secret", "interrupted"),
    [
        pytest.param("patient-db-application", "patient_db_application_password", {"patient"}, marks=pytest.mark.full),
        # Some ten restarts each, one after another: minutes.
        pytest.param("jwt", "jwt_secret", set(), marks=pytest.mark.soak),
        pytest.param("redis", "redis_password", set(), marks=pytest.mark.soak),
    ],
)
def test_no_request_waits_longer_than_one_restart(
    platform: PlatformUnderTest, word: str, secret: str, interrupted: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    # A circuit breaker that an earlier use of the platform has opened refuses requests for some seconds.
    platform.wait_for_smoke()
    old = platform.secret(secret)
    before = platform.started()
    base = f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"
    with Load(base, READS, rate=16, login=Account(), timeout=15) as load:
        time.sleep(5)
        output = platform.expect(0, "rotate", word, timeout=600)
        # Requests reach the service that was restarted last, too.
        time.sleep(NOTICED)
    with capsys.disabled():
        sys.stdout.write(f"\nrotate {word}: {restarts(output)}\n{load.summary()}\n")
    longest = max(restarts(output).values())
    for ask in READS:
        assert load.failing_span(ask.route) <= longest + NOTICED, ask.route
        if interrupted and ask.route not in interrupted:
            assert not load.failed(ask.route), ask.route
        assert load.of(ask.route)[-1].ok, f"{ask.route} never worked again"
    assert platform.secret(secret) != old
    restarted = {name for name, moment in platform.started().items() if moment - before[name] > timedelta(0)}
    assert {f"{platform.name}-{name}-1" for name in restarted} == set(restarts(output)), "each once, and no other"
    assert not _accepts(platform, word, old)
    platform.wait_for_smoke()


def _accepts(platform: PlatformUnderTest, word: str, password: str) -> bool:
    """Whether a client of this machine can log in with the old secret."""
    if word == "jwt":
        return False  # the gateway refused the client's token, and it signed in again: see the load
    clients = Clients(platform)
    try:
        if word == "redis":
            return clients.redis("ping", password=password) == "PONG"
        clients.sql("patient", "select 1", user="rofecare_patient", password=password)
    except AssertionError:
        return False
    return True
