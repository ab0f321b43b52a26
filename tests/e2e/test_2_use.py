"""The started platform does its work, and says what does not."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from tests.support.clients import client
from tests.support.platform import SHIFT, PlatformUnderTest, docker

pytestmark = pytest.mark.timeout(600)


def test_smoke(platform: PlatformUnderTest) -> None:
    platform.expect(0, "smoke")


@pytest.mark.parametrize(
    ("service", "cause", "remedy"),
    [
        ("identity-db", "stop", "start"),
        ("kafka", "stop", "start"),
        ("rofecare-service-pharmacy", "pause", "unpause"),
    ],
)
def test_smoke_names_what_is_broken(platform: PlatformUnderTest, service: str, cause: str, remedy: str) -> None:
    with platform.fault(service, cause, remedy):
        first_line = platform.expect(7, "smoke").partition("error: ")[2].splitlines()[0]
    assert service in first_line


def test_smoke_names_redis_when_its_password_is_another(platform: PlatformUnderTest) -> None:
    def set_password(old: str, new: str) -> None:
        # On standard input: a password in an argv would be seen by everybody.
        docker(
            "exec", "-i", platform.container("redis"), "redis-cli", stdin=f"AUTH {old}\nCONFIG SET requirepass {new}\n"
        )

    right = platform.secret("redis_password")
    set_password(right, "another")
    try:
        first_line = platform.expect(7, "smoke").partition("error: ")[2].splitlines()[0]
    finally:
        set_password("another", right)
        platform.wait_healthy("redis")
    assert "redis" in first_line.lower()


def test_smoke_is_content_again(platform: PlatformUnderTest) -> None:
    # Circuit breakers that opened during the faults close again by themselves.
    end = time.monotonic() + 120
    while platform.inv("smoke")[0] != 0:
        assert time.monotonic() < end, platform.inv("smoke")[1]


def test_clients_reach_all_eleven_components(platform: PlatformUnderTest) -> None:
    table = platform.expect(0, "start-infra")
    databases = {key: port for key, port in platform.ports.items() if key.endswith("_DB_PORT")}
    assert len(databases) == 8
    for key, port in databases.items():
        name = key.removesuffix("_DB_PORT").lower()
        assert f"jdbc:postgresql://localhost:{port}/rofecare_{name}" in table
        address = f"host=localhost port={port} user=rofecare dbname=rofecare_{name}"
        password = platform.secret(f"{name}_db_password")
        assert client("psql", address, "-Atc", "select current_database()", PGPASSWORD=password) == f"rofecare_{name}\n"
    redis = ["redis-cli", "-p", str(platform.ports["REDIS_PORT"]), "ping"]
    assert client(*redis, REDISCLI_AUTH=platform.secret("redis_password")) == "PONG\n"
    broker = f"localhost:{platform.ports['KAFKA_PORT']}"
    client("kcat", "-b", broker, "-t", "from-the-host", "-P", stdin="hello\n")
    assert "hello" in client("kcat", "-b", broker, "-t", "from-the-host", "-C", "-o", "beginning", "-e", "-q")
    zookeeper = ("127.0.0.1", str(platform.ports["ZOOKEEPER_PORT"]))
    assert "Mode: standalone" in client(
        "bash", "-c", f"exec 3<>/dev/tcp/{'/'.join(zookeeper)}; printf srvr >&3; cat <&3"
    )


def test_a_wrong_password_opens_nothing(platform: PlatformUnderTest) -> None:
    address = f"host=localhost port={platform.ports['IDENTITY_DB_PORT']} user=rofecare dbname=rofecare_identity"
    wrong = {**os.environ, "PGPASSWORD": platform.secret("patient_db_password")}
    done = subprocess.run(["psql", address, "-c", "select 1"], env=wrong, capture_output=True, text=True, check=False)
    assert "password authentication failed" in done.stderr


def test_logs_of_a_short_name_end_with_what_is_there(platform: PlatformUnderTest) -> None:
    lines = platform.expect(0, "logs", "identity", "gateway", "--tail", "5", "--no-follow").splitlines()
    assert 0 < len(lines) <= 10
    assert {line.partition("|")[0].strip() for line in lines} <= {"identity", "gateway"}


def test_logs_go_on_through_a_restart(platform: PlatformUnderTest) -> None:
    with platform.popen("logs", "config-server", "--tail", "0") as running:
        time.sleep(2)
        docker("restart", platform.container("rofecare-config-server"))
        platform.wait_healthy("rofecare-config-server")
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=20)
    assert running.returncode == 130
    assert output.count("Started ConfigServer") == 1, output[-3000:]


def test_logs_of_an_unknown_name(platform: PlatformUnderTest) -> None:
    assert "pharmacy" in platform.expect(2, "logs", "farmacy")


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"IDENTITY_DB_PORT": "abc"}, "IDENTITY_DB_PORT is 'abc'"),
        ({"IDENTITY_DB_PORT": str(SHIFT + 8080)}, f"port {SHIFT + 8080} is used by"),
        ({"IMAGES": "elsewhere"}, "IMAGES is 'elsewhere'"),
    ],
)
def test_bad_settings_start_nothing(platform: PlatformUnderTest, environment: dict[str, str], said: str) -> None:
    before = platform.started()
    assert said in platform.expect(3, "start-all", environment=environment)
    assert platform.started() == before


def test_an_open_folder_and_a_missing_secret_are_told_together(platform: PlatformUnderTest) -> None:
    path = platform.secrets / "jwt_secret"
    value = path.read_text()
    path.unlink()
    platform.secrets.chmod(0o755)
    try:
        output = platform.expect(3, "start-all")
    finally:
        path.write_text(value)
        path.chmod(0o444)
        platform.secrets.chmod(0o700)
    assert "jwt_secret: the secret is missing" in output
    assert "others can enter the secrets folder" in output


@pytest.mark.parametrize("words", [["no-such-task"], ["build", "no-such-service"], ["logs", "--no-such-flag"]])
def test_words_that_mean_nothing(platform: PlatformUnderTest, words: list[str]) -> None:
    platform.expect(2, *words)
