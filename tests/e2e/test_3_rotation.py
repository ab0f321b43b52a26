"""Every kind of secret changes while clients go on asking: nobody waits longer than one service takes to restart."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from datetime import timedelta

import pytest

from tests.support.clients import client
from tests.support.load import Account, Load
from tests.support.platform import PlatformUnderTest
from tests.support.routes import READS

pytestmark = pytest.mark.timeout(900)

# From the gate's word that a service is ready until the gateway has heard of it, and the breaker lets a request
# through: seconds on a machine of two cores that does other things, too.
HEARD_OF = 25.0

_CHANGES: list[tuple[str, str, set[str]]] = [("patient-db", "patient_db_password", {"patient"})]
if int(os.environ.get("ROFECARE_FAULT_ROUNDS", "1")) > 1:
    # Some ten restarts each, one after another: minutes.
    _CHANGES += [("jwt", "jwt_secret", set()), ("redis", "redis_password", set())]


def restarts(said: str) -> dict[str, float]:
    """Container -> seconds, as the command told."""
    return {name: float(seconds) for name, seconds in re.findall(r"(\S+-1) \((\d+\.\d) s\)", said)}


@pytest.mark.parametrize(("word", "secret", "away"), _CHANGES)
def test_nobody_waits_longer_than_for_one_service(
    platform: PlatformUnderTest, word: str, secret: str, away: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    old = platform.secret(secret)
    before = platform.started()
    base = f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"
    with Load(base, READS, rate=16, login=Account(), timeout=15) as load:
        time.sleep(5)
        said = platform.expect(0, "rotate", word, timeout=600)
        # Whoever was restarted last is asked, too.
        time.sleep(HEARD_OF)
    with capsys.disabled():
        sys.stdout.write(f"\nrotate {word}: {restarts(said)}\n{load.summary()}\n")
    longest = max(restarts(said).values())
    for ask in READS:
        assert load.failing_span(ask.route) <= longest + HEARD_OF, ask.route
        if away and ask.route not in away:
            assert not load.failed(ask.route), ask.route
        assert load.of(ask.route)[-1].ok, f"{ask.route} never worked again"
    assert platform.secret(secret) != old
    restarted = {name for name, moment in platform.started().items() if moment - before[name] > timedelta(0)}
    assert {f"{platform.name}-{name}-1" for name in restarted} == set(restarts(said)), "each once, and no other"
    assert not _opens(platform, word, old)


def test_all_of_it_works_afterwards(platform: PlatformUnderTest) -> None:
    end = time.monotonic() + 60
    while platform.inv("smoke")[0] != 0:
        assert time.monotonic() < end, platform.inv("smoke")[1]


def _opens(platform: PlatformUnderTest, word: str, password: str) -> bool:
    """Whether the old secret still opens, asked by a client of this machine."""
    if word == "jwt":
        return False  # its client was told so, and signed in again: see the load
    try:
        if word == "redis":
            port = str(platform.ports["REDIS_PORT"])
            return client("redis-cli", "-p", port, "ping", REDISCLI_AUTH=password).strip() == "PONG"
        port = str(platform.ports["PATIENT_DB_PORT"])
        address = f"host=localhost port={port} user=rofecare dbname=rofecare_patient"
        client("psql", address, "-c", "select 1", PGPASSWORD=password)
    except (AssertionError, subprocess.CalledProcessError):
        return False
    return True
