"""Upgrades, restores and rotations that end at random moments while a client writes into two databases.

Whatever ends a command, and whenever: the next `inv start-all` leaves one state, with every acknowledged write.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.backups import decrypted
from tests.support.images import POSTGRES, ensure
from tests.support.lease import free_port
from tests.support.load import Ask, Load
from tests.support.locked import secrets
from tests.support.project import MakeProject, Project, check
from tests.support.rounds import ROUNDS
from tests.support.shop import TURNS, images, services

MOMENTS = 24 * ROUNDS
DISKS = 2 * ROUNDS
DATABASES = ("db", "ledger")
SIGNALS = (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM)
COMMANDS = ("upgrade", "restore", "rotate")
JOURNALS = ("upgrade", "restore", "rotation")
# In seconds, on a busy machine.
PATIENCE = 600.0

pytestmark = [pytest.mark.soak, pytest.mark.timeout(PATIENCE * (MOMENTS + DISKS))]


class Shop:
    """A started project, its client, and what must be true after each round."""

    def __init__(self, project: Project, port: int) -> None:
        self.project = project
        write = Ask("write", "POST", "/entry", lambda: {"id": _id()})
        self.load = Load(f"http://127.0.0.1:{port}", [write], rate=2, timeout=10, workers=8)
        # How long each command takes without an interruption.
        self.takes: dict[str, float] = {}
        self.backup = ""
        self._seen = 0
        self._expected: set[str] = set()

    @property
    def tag(self) -> str:
        """The tag in the settings."""
        lines = (self.project.root / ".env").read_bytes().splitlines()
        return next((line.partition(b"=")[2].decode() for line in lines if line.startswith(b"SERVICES_TAG=")), "v1")

    def words(self, command: str) -> list[str]:
        """The command line; an upgrade goes to the other version, a restore to a backup of now."""
        if command == "upgrade":
            return ["upgrade", "--to", "v1" if self.tag == "v2" else "v2"]
        if command == "rotate":
            return ["rotate", random.choice(DATABASES)]  # noqa: S311 - no secret
        check(self.project.inv("backup", timeout=PATIENCE), 0)
        self.backup = max(path.name for path in self._backups().glob("2*"))
        return ["restore", self.backup]

    def begin(self) -> None:
        """From here on, every acknowledged write counts, and all that is there."""
        self._seen = len(self.load.shots)
        self._expected = self._present("db")
        self.backup = ""

    def verify(self, outcome: str, since: float) -> None:
        """One state, with every acknowledged write; those after `since` (monotonic) in the present data."""
        check(self.project.inv("start-all", timeout=PATIENCE), 0, "up: 4 of 4")
        wait = time.monotonic() + 60
        while not (self.load.shots and self.load.shots[-1].ok):
            assert time.monotonic() < wait, outcome
            time.sleep(0.2)
        shots = [shot for shot in self.load.shots[self._seen :] if shot.ok and shot.sent]
        safe = self._in_safety_backups()
        for database in DATABASES:
            present = self._present(database)
            lost = {str(shot.sent["id"]) for shot in shots if shot.sent} - present - safe
            assert not lost, (outcome, database, len(lost))
            back = {str(shot.sent["id"]) for shot in shots if shot.sent and shot.began > since} - present
            assert not back, (outcome, database, len(back))
        assert self._expected <= self._present("db") | safe, outcome
        image = str(self.project.inspect("shop")["Config"]["Image"])
        assert image.endswith(f":{self.tag}"), (outcome, image, self.tag)
        assert self._sql("db", "select n from version") == str(sorted(TURNS).index(self.tag) + 1), outcome
        traces = "select count(*) from pg_database where datname like 'rofecare_restore%'"
        assert [self._sql(one, traces) for one in DATABASES] == ["0", "0"], outcome
        journals = [self.project.root / ".rofecare" / f"{kind}-{self.project.name}.json" for kind in JOURNALS]
        assert not [path for path in journals if path.exists()], outcome
        hidden = [
            path.name for path in (self.project.root / "docker/secrets").iterdir() if path.suffix in {".new", ".old"}
        ]
        assert not hidden, outcome

    def _present(self, database: str) -> set[str]:
        return set(self._sql(database, "select id from entry").split())

    def _in_safety_backups(self) -> set[str]:
        """The entries in the backups that were taken before a restore of this round's backup."""
        if not self.backup:
            return set()
        found: set[str] = set()
        for folder in self._backups().glob("2*"):
            reason = json.loads((folder / "manifest.json").read_text())["reason"]
            if reason == f"before the restore of {self.backup}":
                dump = decrypted(self.project, next(folder.glob("db.*.dump.age")))
                argv = ["docker", "exec", "-i", f"{self.project.name}-db-1"]
                argv += ["pg_restore", "--data-only", "--table=entry", "--file=-"]
                text = subprocess.run(argv, input=dump, capture_output=True, check=True).stdout.decode()
                found |= set(text.split())
        return found

    def _backups(self) -> Path:
        return self.project.root / "backups" / self.project.name

    def _sql(self, database: str, statement: str) -> str:
        argv = ("psql", "-XAtq", "-U", "shop", "-d", "shop", "-c", statement)
        return self.project.docker("exec", f"{self.project.name}-{database}-1", *argv)


def _id() -> str:
    return f"{random.getrandbits(128):032x}"


@pytest.fixture(scope="module")
def shop_images(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert engine is not None
    ensure(POSTGRES)
    with images(tmp_path_factory.mktemp("images"), TURNS) as name:
        yield name


@pytest.fixture
def shop(shop_images: str, make_project: MakeProject) -> Iterator[Shop]:
    port = free_port()
    volumes: dict[str, object] = {"data": {}, "ledger": {}}
    names = [f"{one}_password" for one in DATABASES]
    project = make_project(services(shop_images, port, "ledger"), volumes=volumes, secrets=secrets(*names))
    project.environment["GATE_TIMEOUT"] = "300"
    check(project.inv("start-all", timeout=PATIENCE), 0, "up: 4 of 4")
    argv = ("psql", "-Xq", "-U", "shop", "-d", "shop", "-c", "create table entry (id text primary key)")
    project.docker("exec", f"{project.name}-ledger-1", *argv)
    yield Shop(project, port)
    kept = [f"{project.name}-before-upgrade:{name}" for name in (*DATABASES, "shop", "ingress")]
    subprocess.run(["docker", "rmi", *kept], capture_output=True, check=False)


def measure(shop: Shop) -> None:
    """Each command once, to its end."""
    for command in COMMANDS:
        shop.begin()
        words, began = shop.words(command), time.monotonic()
        check(shop.project.inv(*words, timeout=PATIENCE), 0)
        shop.takes[command] = time.monotonic() - began
        shop.verify(f"{words} to its end", time.monotonic())


def interrupt(shop: Shop, command: str, end: Callable[[subprocess.Popen[str]], None]) -> None:
    """Begin a command, end it in some way, and verify what the next one leaves."""
    shop.begin()
    words, began = shop.words(command), time.monotonic()
    with shop.project.popen(*words) as running:
        end(running)
        output, _ = running.communicate(timeout=PATIENCE)
    assert "Traceback" not in output, output
    if running.returncode == 0:
        # Measured again: a moment after the end would interrupt nothing.
        shop.takes[command] = min(shop.takes[command], time.monotonic() - began)
    outcome = f"{words} ended with {running.returncode} after {time.monotonic() - began:.1f} s:\n{output}"
    shop.verify(outcome, time.monotonic())
    # Shown by `pytest -s`.
    print(outcome.partition(":")[0])  # noqa: T201


def test_signals_at_random_moments(shop: Shop) -> None:
    with shop.load:
        measure(shop)
        for number in range(MOMENTS):
            command, sign = COMMANDS[number % 3], SIGNALS[number // 3 % 3]
            moment = random.uniform(0, 1.1) * shop.takes[command]  # noqa: S311 - no secret

            def end(running: subprocess.Popen[str], sign: int = sign, moment: float = moment) -> None:
                try:
                    running.wait(moment)
                except subprocess.TimeoutExpired:
                    running.send_signal(sign)

            interrupt(shop, command, end)


def test_a_disk_that_fills_up_at_random_moments(shop: Shop, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(small)], check=True)
    try:
        for name in (".rofecare", "backups"):
            folder = shop.project.root / name
            folder.mkdir(exist_ok=True)
            shutil.copytree(folder, small / name)
            shutil.rmtree(folder)
            folder.symlink_to(small / name)
        with shop.load:
            measure(shop)
            for number in range(DISKS):
                command = COMMANDS[number % 2]
                moment = random.uniform(0, 1) * shop.takes[command]  # noqa: S311 - no secret

                def end(running: subprocess.Popen[str], moment: float = moment) -> None:
                    try:
                        running.wait(moment)
                    except subprocess.TimeoutExpired:
                        fill(small)
                        running.communicate(timeout=PATIENCE)
                        (small / "greedy").unlink()

                interrupt(shop, command, end)
                subprocess.run(["rm", "-rf", *map(str, (small / "backups").glob("*/2*"))], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(small)], check=True)


def fill(small: Path) -> None:
    free = os.statvfs(small)
    with (small / "greedy").open("wb") as file:
        file.write(bytes(free.f_bavail * free.f_frsize))
