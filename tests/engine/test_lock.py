"""One change at a time, whatever the checkout, user or address of the engine that a command uses."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rofecare_infra.engine import Engine, connect, lock_of, locked, this_command
from rofecare_infra.errors import CommandError
from tests.support.project import FOREVER, IMAGE, INV, MakeProject, Project, check, service

pytestmark = pytest.mark.full

SOCKET = Path("/var/run/docker.sock")


@pytest.fixture
def first(make_project: MakeProject) -> Project:
    """A project whose start does not end by itself."""
    return make_project({"slow": service(FOREVER, probe="false")})


@pytest.fixture
def second(first: Project, make_project: MakeProject) -> Project:
    """Another checkout of the same project."""
    other = make_project({"slow": service(FOREVER, probe="false")})
    other.name = first.name
    return other


@contextmanager
def starting(project: Project) -> Iterator[subprocess.Popen[str]]:
    """A start that holds the lock and waits for its service."""
    with project.popen("start-all") as running:
        try:
            _until(lambda: _container(project) != "")
            yield running
        finally:
            running.kill()


def _container(project: Project) -> str:
    return project.docker("ps", "-aq", "--filter", f"label=com.rofecare.lock={project.name}")


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_second_administrator_is_refused_until_the_first_is_killed(first: Project, second: Project) -> None:
    with starting(first) as running:
        holder = ("inv start-all", f"user {getpass.getuser()}", f"pid {running.pid}", "since ")
        check(first.inv("stop-all"), 5, f"another command is changing {first.name}", *holder)
        check(second.inv("init"), 5, *holder)
        if SOCKET.exists():
            second.environment["DOCKER_HOST"] = f"unix://{SOCKET}"
            check(second.inv("stop-all"), 5, *holder)
        check(second.inv("unlock", "--force"), 5, "its holder runs on this machine")
        # What only shows something needs no lock.
        check(second.inv("status"), 7, "0 of 1 ready")
        running.kill()
        # Not waited for: until its parent does, the process exists.
        check(second.inv("stop-all"), 0, "ended without releasing it is replaced: inv start-all", "stopped: 1")
    assert _container(first) == ""
    check(first.inv("unlock"), 0, f"no command is changing {first.name}")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can run as another user")
def test_another_user_is_refused_and_replaces_a_dead_holder(first: Project) -> None:
    with starting(first) as running:
        check(_as_nobody(first, "stop-monitoring"), 5, "inv start-all", "user root")
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    check(_as_nobody(first, "stop-monitoring"), 0, "ended without releasing it is replaced", "nothing was running")
    assert _container(first) == ""


def _as_nobody(project: Project, *words: str) -> tuple[int, str]:
    """Run `inv` as a user who has access to the engine and may read the checkout, and nothing more."""
    group = grp.getgrgid(SOCKET.stat().st_gid).gr_name
    reads = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--bounding-set=-all,+dac_read_search")
    user = ("setpriv", "--reuid=nobody", f"--regid={group}", "--clear-groups", *reads)
    done = subprocess.run(
        [*user, str(INV), "--search-root", str(project.root), *words],
        env={**os.environ, "COMPOSE_PROJECT_NAME": project.name, "HOME": "/nonexistent"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_an_interrupted_command_releases_the_lock(first: Project) -> None:
    with starting(first) as running:
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=30)
    check((running.returncode, output), 130, "interrupted")
    assert _container(first) == ""


def test_a_holder_on_another_machine_is_removed_only_by_force(first: Project) -> None:
    labels = {"": first.name, ".host": "other", ".boot": "1", ".machine": "1", ".pid": "7", ".command": "inv restore"}
    words = [f"--label=com.rofecare.lock{name}={text}" for name, text in labels.items()]
    first.docker("create", f"--name=rofecare-lock-{first.name}", *words, IMAGE)
    check(first.inv("init"), 5, "inv restore", "host other, pid 7", "inv unlock --force")
    check(first.inv("unlock"), 5, "inv restore")
    check(first.inv("unlock", "--force"), 0, "removed the lock of inv restore")
    check(first.inv("init"), 0)


def test_of_many_that_replace_a_dead_holder_one_gets_the_lock(engine: Engine, first: Project) -> None:
    with starting(first) as running:
        running.kill()
    refused, entered = threading.Semaphore(0), []
    begin = threading.Barrier(8)

    def change(number: int) -> None:
        own = connect()
        begin.wait(30)
        try:
            with locked(own, first.name, this_command(f"inv change {number}")):
                entered.append(number)
                for _ in range(7):
                    assert refused.acquire(timeout=30)
        except CommandError:
            refused.release()

    threads = [threading.Thread(target=change, args=[number]) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(entered) == 1
    assert lock_of(engine, first.name) is None
