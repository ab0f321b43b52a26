"""An upgrade of a real database and application while a client writes: no acknowledged write is lost."""

from __future__ import annotations

import json
import random
import re
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.images import POSTGRES, ensure
from tests.support.lease import free_port
from tests.support.load import Ask, Load
from tests.support.locked import secrets
from tests.support.project import MakeProject, Project, check
from tests.support.rounds import ROUNDS
from tests.support.shop import images, services

WRITE = Ask("write", "POST", "/entry", lambda: {"id": str(uuid.uuid4())})
# A request sent just before the ingress stops hangs until the client's timeout; a busy machine adds more.
SLACK = 25.0

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def shop_images(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert engine is not None
    ensure(POSTGRES)
    with images(tmp_path_factory.mktemp("images")) as name:
        yield name


class Shop:
    """A started project, and queries of its state."""

    def __init__(self, project: Project, port: int) -> None:
        self.project = project
        self.load = Load(f"http://127.0.0.1:{port}", [WRITE], rate=5, timeout=10)

    def sql(self, statement: str) -> str:
        argv = ("exec", f"{self.project.name}-db-1", "psql", "-XAtq", "-U", "shop", "-d", "shop", "-c", statement)
        return self.project.docker(*argv)

    def state(self) -> dict[str, tuple[str, str]]:
        """Service -> its container and image."""
        seen = {name: self.project.inspect(name) for name in ("db", "shop", "ingress")}
        return {name: (one["Config"]["Image"], one["Image"]) for name, one in seen.items()}

    def lost(self) -> set[str]:
        """Acknowledged entries that the database does not have."""
        acknowledged = {str(shot.sent["id"]) for shot in self.load.shots if shot.ok and shot.sent}
        assert acknowledged
        return acknowledged - set(self.sql("select id from entry").split())


@pytest.fixture
def shop(shop_images: str, make_project: MakeProject) -> Iterator[Shop]:
    port = free_port()
    project = make_project(services(shop_images, port), volumes={"data": {}}, secrets=secrets("db_password"))
    project.environment["GATE_TIMEOUT"] = "120"
    check(project.inv("start-all", timeout=200), 0, "up: 3 of 3")
    yield Shop(project, port)
    # A killed rehearsal leaves its copy until the next one removes it.
    label = f"label=com.docker.compose.project={project.name}-rehearsal"
    for kind, listing in (("container", ["-aq"]), ("network", ["-q"]), ("volume", ["-q"])):
        names = project.docker(kind, "ls", *listing, "--filter", label).split()
        if names:
            project.docker(kind, "rm", "--force", *names)


def downtime(output: str) -> float:
    found = re.search(r"downtime: (\d+\.\d) s, from \d\d:\d\d:\d\d to \d\d:\d\d:\d\d", output)
    assert found, output
    return float(found[1])


@pytest.mark.full
def test_an_upgrade_that_is_never_ready_is_rolled_back_with_its_data(shop: Shop) -> None:
    before = shop.state()
    shop.project.environment["GATE_TIMEOUT"] = "45"
    with shop.load:
        time.sleep(2)
        outcome = shop.project.inv("upgrade", "--to", "broken", timeout=200)
        time.sleep(3)
    check(
        outcome,
        7,
        "the upgrade was rolled back: shop",
        "| I will never be well",
        "are restored, and the platform is up",
    )
    assert shop.state() == before
    assert shop.sql("select count(*) from pg_tables where tablename in ('entry_of_broken', 'junk')") == "0"
    assert shop.lost() == set()
    assert shop.load.failing_span("write") <= downtime(outcome[1]) + SLACK
    assert shop.load.of("write")[-1].ok
    assert "SERVICES_TAG" not in (shop.project.root / ".env").read_text()
    check(shop.project.inv("start-all"), 0, "up: 3 of 3")
    assert shop.state() == before, "nothing is left to be undone or done"


@pytest.mark.full
def test_a_successful_upgrade_stays(shop: Shop) -> None:
    before = shop.state()
    shown = shop.project.inv("upgrade", "--rehearse", "--to", "v2", timeout=200)
    check(shown, 0, "rehearsed: 1 services would be replaced")
    assert shop.state() == before
    label = f"label=com.docker.compose.project={shop.project.name}-rehearsal"
    for kind in ("container", "volume", "network"):
        assert shop.project.docker(kind, "ls", "-q", "--filter", label) == ""
    with shop.load:
        time.sleep(2)
        outcome = shop.project.inv("upgrade", "--to", "v2", timeout=200)
        time.sleep(2)
    check(outcome, 0, "upgraded: 1 services replaced")
    assert shop.lost() == set()
    assert shop.load.failing_span("write") <= downtime(outcome[1]) + SLACK
    assert shop.state()["shop"][0].endswith(":v2")
    assert shop.state()["db"] == before["db"]
    assert shop.sql("select count(*) from information_schema.columns where column_name = 'more'") == "1"
    assert "SERVICES_TAG=v2" in (shop.project.root / ".env").read_text().splitlines()
    check(shop.project.inv("upgrade"), 0, "nothing to upgrade")


@pytest.mark.full
def test_a_failed_rehearsal_is_reported_and_changes_nothing(shop: Shop) -> None:
    started = {name: shop.project.inspect(name)["State"]["StartedAt"] for name in ("db", "shop", "ingress")}
    outcome = shop.project.inv("upgrade", "--rehearse", "--to", "ending", timeout=200)
    check(outcome, 7, "the rehearsal failed: shop", "exited with code 3", "| I cannot go on")
    assert {name: shop.project.inspect(name)["State"]["StartedAt"] for name in started} == started
    assert shop.sql("select count(*) from pg_tables where tablename = 'junk'") == "0"


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param([5.0], id="once", marks=pytest.mark.full),
        pytest.param([random.uniform(0, 12) for _ in range(ROUNDS)], id="random", marks=pytest.mark.soak),  # noqa: S311 - no secret
    ],
)
@pytest.mark.timeout(300 * ROUNDS)
def test_the_start_after_a_killed_upgrade_rolls_it_back(shop: Shop, moments: list[float]) -> None:
    before = shop.state()
    for moment in moments:
        journal = Path(shop.project.root, ".rofecare", f"upgrade-{shop.project.name}.json")
        with shop.project.popen("upgrade", "--to", "broken") as running:
            end = time.monotonic() + 90
            while not (journal.exists() and '"closed": 0.0' not in journal.read_text()):
                assert running.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            time.sleep(moment)
            running.kill()
        check(shop.project.inv("start-all", timeout=200), 0, "an upgrade was interrupted", "up: 3 of 3")
        assert shop.state() == before
        assert shop.sql("select count(*) from pg_tables where tablename = 'junk'") == "0"
        assert not journal.exists()


@pytest.mark.full
def test_the_tag_comes_before_the_decision_and_nothing_goes_back_after_it(shop: Shop) -> None:
    project, env = shop.project, shop.project.root / ".env"
    before = {name: project.inspect(name)["Id"] for name in ("db", "shop", "ingress")}
    env.write_bytes(b"# R\xe9glages\r\nSERVICES_TAG=v1\r\n")
    with immutable(env):
        check(project.inv("upgrade", "--to", "v2", timeout=200), 5, "SERVICES_TAG cannot be written to the settings")
    assert {name: project.inspect(name)["Id"] for name in before} == before, "nothing was stopped"
    journal = Path(project.root, ".rofecare", f"upgrade-{project.name}.json")
    assert not journal.exists()
    kept = str(uuid.uuid4())
    shop.sql(f"insert into entry values ('{kept}')")  # noqa: S608 - an id of this test
    with project.popen("upgrade", "--to", "v2") as running:
        end = time.monotonic() + 200
        while not (journal.exists() and '"decided": true' in journal.read_text()):
            assert running.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        running.kill()
    check(project.inv("start-all", timeout=200), 0, "completing it; the new images and their data stay", "up: 3 of 3")
    assert env.read_bytes() == b"# R\xe9glages\r\nSERVICES_TAG=v2\r\n"
    assert shop.state()["shop"][0].endswith(":v2")
    assert shop.sql(f"select count(more) + count(id) from entry where id = '{kept}'") == "1"  # noqa: S608 - as above
    assert not journal.exists()
    # As the version before left it: everything is up, and writing the tag failed.
    images = {name: image for name, (image, _) in shop.state().items()}
    entry = {"services": images, "images": {}, "backup": "20261124T223000Z", "touched": ["shop"], "closed": 1.0}
    journal.write_text(json.dumps(entry))
    check(project.inv("start-all"), 7, "requests may have been accepted since", f"rm {journal}", "inv restore 20261124")
    assert shop.state()["shop"][0].endswith(":v2")
    journal.unlink()
    check(project.inv("start-all"), 0, "up: 3 of 3")


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    """A file that cannot be replaced, by its attribute or by a mount on itself."""
    if subprocess.run(["chattr", "+i", str(path)], capture_output=True, check=False).returncode == 0:
        undo = ["chattr", "-i", str(path)]
    elif subprocess.run(["mount", "--bind", str(path), str(path)], capture_output=True, check=False).returncode == 0:
        undo = ["umount", str(path)]
    else:
        pytest.skip("neither chattr +i nor mount is permitted here")
    try:
        yield
    finally:
        subprocess.run(undo, check=True)


@pytest.mark.full
def test_an_unready_service_is_not_upgraded(shop: Shop) -> None:
    shop.project.docker("stop", f"{shop.project.name}-shop-1")
    check(shop.project.inv("upgrade", "--to", "v2"), 7, "nothing is upgraded while shop is not ready")
    check(shop.project.inv("upgrade", "--to", "no tag"), 2, "no tag of an image")
