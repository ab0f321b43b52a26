"""Stopping loses nothing; removing the data removes this project's alone; an interrupted start goes on."""

from __future__ import annotations

import signal
import sys
import time
import uuid

import pytest

from tests.support.clients import client
from tests.support.events import recording
from tests.support.load import Account, Ask, Load
from tests.support.platform import PlatformUnderTest, docker
from tests.support.routes import PATHS

pytestmark = pytest.mark.timeout(900)

MESSAGE = "written before the stop"


WRITES = [Ask(name, "POST", f"{path}/records", lambda: {"name": uuid.uuid4().hex}) for name, path in PATHS.items()]


def sql(platform: PlatformUnderTest, statement: str, service: str = "clinical") -> str:
    name = service.replace("-", "_")
    address = f"host=localhost port={platform.ports[f'{name.upper()}_DB_PORT']} user=rofecare dbname=rofecare_{name}"
    return client("psql", address, "-Atc", statement, PGPASSWORD=platform.secret(f"{name}_db_password")).strip()


def redis(platform: PlatformUnderTest, *words: str) -> str:
    port = str(platform.ports["REDIS_PORT"])
    return client("redis-cli", "-p", port, *words, REDISCLI_AUTH=platform.secret("redis_password")).strip()


def kafka(platform: PlatformUnderTest, *words: str, stdin: str = "") -> str:
    return client("kcat", "-b", f"localhost:{platform.ports['KAFKA_PORT']}", "-t", "kept", *words, stdin=stdin).strip()


def test_data_outlives_a_stop_in_which_nothing_is_killed(
    platform: PlatformUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    """While clients write through the gateway: what it accepts is done and answered, what it does not is not done."""
    sql(platform, f"create table kept as select '{MESSAGE}'::text as message")
    redis(platform, "set", "kept", MESSAGE)
    kafka(platform, "-P", stdin=f"{MESSAGE}\n")
    base = f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"
    with recording(platform.name) as events, Load(base, WRITES, rate=40, login=Account(), timeout=40) as load:
        time.sleep(5)
        platform.expect(0, "stop-all")
    with capsys.disabled():
        sys.stdout.write(f"\nstopped under load:\n{load.summary()}\n")
    assert platform.containers() == {}
    ends = events.ends()
    assert len(ends) == 22
    assert not [name for name, code in ends if code == "137"]
    order = [name for name, _ in ends]
    # What lets requests in goes first, so that what it has accepted can still be answered.
    assert order[0] == "rofecare-gateway"
    assert order.index("kafka") < order.index("zookeeper")

    # Interrupted in phase 2, the next start goes on from there.
    with platform.popen("start-all") as running:
        _wait_for(platform, "rofecare-config-server")
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=60)
    assert running.returncode == 130, output
    assert "left running" in output.splitlines()[-1]
    before = platform.started()
    assert "rofecare-service-patient" not in before
    platform.expect(0, "start-all")
    after = platform.started()
    assert {name: after[name] for name in before if name != "rofecare-config-server"} == {
        name: before[name] for name in before if name != "rofecare-config-server"
    }

    for service in PATHS:
        kept = set(sql(platform, "select name from record", service).split())
        acknowledged = {str((shot.sent or {})["name"]) for shot in load.of(service) if shot.ok}
        assert len(acknowledged) > 1, service
        assert acknowledged <= kept, f"{service} lost what it had acknowledged"
        cut = {str((shot.sent or {})["name"]) for shot in load.of(service) if not shot.status} & kept
        assert not cut, f"{service} did what nobody was told of"

    assert sql(platform, "select message from kept") == MESSAGE
    assert redis(platform, "get", "kept") == MESSAGE
    assert kafka(platform, "-C", "-o", "beginning", "-e", "-q") == MESSAGE


def _wait_for(platform: PlatformUnderTest, service: str) -> None:
    end = time.monotonic() + 300
    while service not in platform.containers():
        assert time.monotonic() < end, f"{service} was never made"
        time.sleep(0.3)
    # Its own creation may be under way; the wait for it is what is interrupted.
    time.sleep(1.0)


def test_volumes_and_secrets_go_when_asked(platform: PlatformUnderTest) -> None:
    docker("volume", "create", "foreign-to-rofecare")
    try:
        output = platform.expect(0, "stop-all", "--volumes")
        assert docker("volume", "ls", "-q", "--filter", "name=foreign-to-rofecare") == "foreign-to-rofecare"
    finally:
        docker("volume", "rm", "foreign-to-rofecare")
    assert f"{platform.name}_identity-db-data" in output
    assert "identity_db_password" in output
    for kind, listing in (("container", "-aq"), ("volume", "-q"), ("network", "-q")):
        assert docker(kind, "ls", listing, "--filter", f"label=com.docker.compose.project={platform.name}") == ""
    assert not platform.secrets.exists()
