"""Rotation of secrets of real servers that a client uses; a failed rotation leaves no trace."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.events import recording
from tests.support.images import POSTGRES, REDIS, ensure
from tests.support.locked import CACHE_CLIENT, CLIENT, VOLUMES, cache, client, database, secrets
from tests.support.project import IMAGE, MakeProject, Project, check, service
from tests.support.rounds import ROUNDS

NAMES = ("db_password", "cache_password")

# Becomes ready only with the first password that it was started with.
STUBBORN = (
    """
cp --update=none /run/secrets/db /kept/first
cmp -s /run/secrets/db /kept/first || { echo "not my password"; exec sleep infinity; }
"""
    + CLIENT
)

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(autouse=True)
def _images(engine: object) -> None:
    assert engine is not None
    ensure(POSTGRES, REDIS)


@pytest.fixture
def locked(make_project: MakeProject) -> Project:
    project = make_project(
        {"db": database(), "cache": cache(), "app": client(), "web": client(CACHE_CLIENT)},
        secrets=secrets(*NAMES),
        volumes=VOLUMES,
    )
    project.environment["GATE_TIMEOUT"] = "60"
    check(project.inv("start-all"), 0, "up: 4 of 4")
    return project


def value(project: Project, name: str) -> str:
    return (project.root / "docker/secrets" / name).read_text()


def leftovers(project: Project) -> list[str]:
    """Files that exist only during a rotation."""
    names = [path.name for path in (project.root / "docker/secrets").glob(".*")]
    hidden = [name for name in names if not name.startswith(".used-by-")]
    return hidden + [path.name for path in (project.root / ".rofecare").glob("rotation-*.json")]


def accepted(project: Project, name: str, password: str) -> bool:
    """A login from another container, as an application makes it."""
    if name == "db_password":
        script = "IFS= read -r PGPASSWORD; export PGPASSWORD; exec psql -wAtq -h db -U shop -d shop -c 'select 1'"
        image, wanted = POSTGRES, "1"
    else:
        script = "IFS= read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec redis-cli -h cache ping"
        image, wanted = REDIS, "PONG"
    network = f"{project.name}_default"
    argv = ["docker", "run", "--rm", "-i", "--network", network, "--entrypoint", "sh", image, "-c", script]
    done = subprocess.run(argv, input=f"{password}\n", capture_output=True, text=True, check=False)
    return done.stdout.strip() == wanted


def started(project: Project, *names: str) -> dict[str, str]:
    return {name: project.inspect(name)["State"]["StartedAt"] for name in names}


@pytest.mark.full
@pytest.mark.parametrize(("word", "name", "restarted"), [("db", NAMES[0], 2), ("cache", NAMES[1], 3)])
def test_the_new_secret_is_accepted_and_the_old_one_refused(
    locked: Project, word: str, name: str, restarted: int
) -> None:
    old = value(locked, name)
    with recording(locked.name) as events:
        check(locked.inv("rotate", word), 0, f"{name} is changed")
    new = value(locked, name)
    assert new != old
    assert len(new) == 64
    assert accepted(locked, name, new)
    assert not accepted(locked, name, old)
    ended = [service for service, _ in events.ends()]
    assert len(ended) == len(set(ended)) == restarted, "each once, what uses it alone"
    check(locked.inv("status"), 0, "4 of 4 ready")
    assert leftovers(locked) == []
    # Neither password nor its hash is in logs or in `docker inspect`.
    seen = "".join(locked.docker("logs", f"{locked.name}-{one}-1") for one in ("db", "cache", "app"))
    seen += json.dumps([locked.inspect(one) for one in ("db", "cache", "app", "web")])
    assert new not in seen
    assert old not in seen
    assert "SCRAM-SHA-256$" not in seen


@pytest.mark.full
def test_an_unready_service_rolls_the_secret_back(make_project: MakeProject) -> None:
    services = {"db": database(), "cache": cache(), "app": client(), "web": client(STUBBORN, volumes=["kept:/kept"])}
    project = make_project(services, secrets=secrets(*NAMES), volumes={"kept": {}, **VOLUMES})
    # A fresh volume belongs to root.
    project.write("docker-compose.override.yml", {"services": {"web": {"user": "0:0"}}})
    check(project.inv("start-all"), 0)
    project.environment["GATE_TIMEOUT"] = "8"
    old = value(project, NAMES[0])
    check(
        project.inv("rotate", "db"),
        6,
        "db_password was not changed",
        "web",
        "| not my password",
        "rolling back to the old",
    )
    assert value(project, NAMES[0]) == old
    assert accepted(project, NAMES[0], old)
    assert leftovers(project) == []
    check(project.inv("status"), 0, "4 of 4 ready")


@pytest.mark.full
@pytest.mark.parametrize(("word", "name"), [("db", NAMES[0]), ("cache", NAMES[1])])
def test_an_interrupted_rotation_is_rolled_back(locked: Project, word: str, name: str) -> None:
    old = value(locked, name)
    with locked.popen("rotate", word) as running:
        _until_under_way(locked, running)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=90)
    check((running.returncode, output), 130, "interrupted")
    assert value(locked, name) == old
    assert accepted(locked, name, old)
    assert leftovers(locked) == []
    check(locked.inv("status"), 0, "4 of 4 ready")


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([1.0, 3.0], id="twice", marks=pytest.mark.full),
        pytest.param([random.uniform(0, 6) for _ in range(2 * ROUNDS)], id="random", marks=pytest.mark.soak),  # noqa: S311 - no secret
    ],
)
@pytest.mark.timeout(120 * (ROUNDS + 2))
def test_the_start_after_a_killed_rotation_completes_it(locked: Project, moments: list[float]) -> None:
    for number, moment in enumerate(moments):
        word, name = (("db", NAMES[0]), ("cache", NAMES[1]))[number % 2]
        old = value(locked, name)
        with locked.popen("rotate", word) as running:
            if number < 2:
                _until_under_way(locked, running)
            time.sleep(moment)
            running.kill()
        if number == 1:
            # As if it had been killed between the stop and the start of the server.
            locked.docker("stop", f"{locked.name}-cache-1")
        kept = {path.read_text() for path in _files(locked, name)}
        check(locked.inv("start-all"), 0, "up: 4 of 4")
        assert value(locked, name) in kept
        assert accepted(locked, name, value(locked, name))
        assert leftovers(locked) == []
        if value(locked, name) != old:
            assert not accepted(locked, name, old)


@pytest.mark.full
def test_the_start_after_a_killed_rotation_and_a_stop_recovers_it(locked: Project) -> None:
    old = value(locked, NAMES[0])
    with locked.popen("rotate", "db") as running:
        _until_under_way(locked, running, switched=True)
        running.kill()
    check(locked.inv("stop-all"), 0)
    check(locked.inv("start-all"), 0, "was interrupted", "up: 4 of 4")
    assert value(locked, NAMES[0]) == old
    assert accepted(locked, NAMES[0], old)
    assert leftovers(locked) == []


@pytest.mark.full
def test_unknown_secrets_and_stopped_services_are_refused(locked: Project, make_project: MakeProject) -> None:
    before = value(locked, NAMES[0])
    check(locked.inv("rotate", "nothing"), 2, "no secret is called 'nothing'")
    more = {"services": {"app": {"secrets": ["licence"]}}, "secrets": secrets("licence")}
    locked.write("docker-compose.override.yml", more)
    (locked.root / "docker/secrets/licence").write_text("x")
    check(locked.inv("rotate", "licence"), 2, "what kind of secret licence is", "app (as /run/secrets/licence)")
    locked.docker("stop", f"{locked.name}-db-1")
    check(locked.inv("rotate", "db"), 7, "while db runs", "inv start-all")
    check(make_project({"one": service("sleep 9", image=IMAGE)}).inv("rotate", "db"), 2, "no secret is called")
    assert value(locked, NAMES[0]) == before
    assert leftovers(locked) == []


def _files(project: Project, name: str) -> list[Path]:
    folder = project.root / "docker/secrets"
    return [path for path in (folder / name, folder / f".{name}.new", folder / f".{name}.old") if path.exists()]


def _until_under_way(project: Project, running: subprocess.Popen[str], *, switched: bool = False) -> None:
    end = time.monotonic() + 60
    wanted = ".old" if switched else ".json"
    while not any(name.endswith(wanted) for name in leftovers(project)):
        assert running.poll() is None, "it ended before anything was done"
        assert time.monotonic() < end
        time.sleep(0.02)
