"""Smoke, logs and settings on the started platform."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.http_requests import exchange, requests_of
from tests.support.platform import SHIFT, PlatformUnderTest, docker

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def _recovered(platform: PlatformUnderTest) -> Iterator[None]:
    """Wait until smoke passes after the faults of this file."""
    yield
    platform.wait_for_smoke()


@pytest.mark.parametrize(
    ("service", "cause", "remedy"),
    [
        ("identity-db", "stop", "start"),
        ("kafka", "stop", "start"),
        ("rofecare-service-pharmacy", "pause", "unpause"),
    ],
)
def test_smoke_names_the_broken_part(platform: PlatformUnderTest, service: str, cause: str, remedy: str) -> None:
    with platform.fault(service, cause, remedy):
        first_line = platform.expect(7, "smoke").partition("error: ")[2].splitlines()[0]
    assert service in first_line


def test_the_gateway_refuses_paths_that_programs_read_differently(platform: PlatformUnderTest) -> None:
    """Without a front before it, it answers nothing but what needs no token."""
    wrong = []
    for request in requests_of("front"):
        path = request.name.partition(" ")[2]
        if path.startswith("/") and path != "/actuator/health":
            status, _ = exchange(platform.ports["GATEWAY_PORT"], request.sent)
            is_right = status == 400 if request.status == 400 else status in {400, 401, 404, 405}
            wrong += [] if is_right else [f"{request.name}: {status}"]
    assert wrong == []


def test_smoke_names_redis_if_its_password_differs(platform: PlatformUnderTest) -> None:
    def set_password(old: str, new: str) -> None:
        # On standard input: every user can read an argv.
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


def test_a_wrong_password_is_rejected(platform: PlatformUnderTest) -> None:
    address = f"host=localhost port={platform.ports['IDENTITY_DB_PORT']} user=rofecare dbname=rofecare_identity"
    wrong = {**os.environ, "PGPASSWORD": platform.secret("patient_db_password")}
    done = subprocess.run(["psql", address, "-c", "select 1"], env=wrong, capture_output=True, text=True, check=False)
    assert "password authentication failed" in done.stderr


def test_an_application_owns_its_database_and_nothing_else(platform: PlatformUnderTest) -> None:
    address = (
        f"host=localhost port={platform.ports['IDENTITY_DB_PORT']} user=rofecare_identity dbname=rofecare_identity"
    )
    right = {**os.environ, "PGPASSWORD": platform.secret("identity_db_application_password")}

    def ask(statement: str) -> str:
        argv = ("psql", address, "-XAtc", statement)
        done = subprocess.run(argv, env=right, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    assert ask("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").split() == ["rofecare_identity"]
    assert "permission denied" in ask("COPY (SELECT 1) TO PROGRAM 'id'")


def test_logs_without_follow_end(platform: PlatformUnderTest) -> None:
    lines = platform.expect(0, "logs", "identity", "gateway", "--tail", "5", "--no-follow", "--raw").splitlines()
    assert 0 < len(lines) <= 10
    assert {line.partition("|")[0].strip() for line in lines} <= {"identity", "gateway"}


def test_logs_continue_after_a_restart(platform: PlatformUnderTest) -> None:
    with platform.popen("logs", "config-server", "--tail", "0") as running:
        time.sleep(2)
        docker("restart", platform.container("rofecare-config-server"))
        platform.wait_healthy("rofecare-config-server")
        time.sleep(2)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=20)
    assert running.returncode == 130
    assert output.count("Started ConfigServer") == 1, output[-3000:]


def test_logs_of_an_unknown_service_suggest_a_known_one(platform: PlatformUnderTest) -> None:
    assert "pharmacy" in platform.expect(2, "logs", "farmacy")


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"IDENTITY_DB_PORT": "abc"}, "IDENTITY_DB_PORT is 'abc'"),
        ({"IDENTITY_DB_PORT": str(SHIFT + 8080)}, f"port {SHIFT + 8080} is also used by"),
        ({"IMAGES": "elsewhere"}, "IMAGES is 'elsewhere'"),
    ],
)
def test_bad_settings_start_nothing(platform: PlatformUnderTest, environment: dict[str, str], message: str) -> None:
    before = platform.started()
    assert message in platform.expect(3, "start-all", environment=environment)
    assert platform.started() == before


def test_a_readable_folder_and_a_missing_secret_are_reported_together(platform: PlatformUnderTest) -> None:
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
    assert "other users can enter the secrets folder" in output


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-task"],
        ["build", "no-such-service"],
        ["logs", "--no-such-flag"],
        ["logs", "--level", "loud"],
        ["logs", "--grep", "("],
    ],
)
def test_unknown_tasks_services_and_flags_are_refused(platform: PlatformUnderTest, words: list[str]) -> None:
    platform.expect(2, *words)
