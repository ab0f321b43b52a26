"""A production platform needs no checkout: it runs from its state folder, whatever becomes of where it came from."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import FOREVER, IMAGE, Project, check, service

pytestmark = pytest.mark.full

Json = dict[str, Any]

_MARKER = "${PRODUCTION_MARKER:-${COMPOSE_PROJECT_NAME}_production_checkout}"
# No user of this machine.
_OWNER = 12345
_FILES = ("-f", "docker-compose.yml", "-f", "docker-compose.prod.yml")


def model(version: str, then: str = FOREVER) -> Json:
    """A service with data, a secret and a mounted file."""
    keeper = service(
        f"echo {version} >> /data/log; {then}",
        volumes=["data:/data"],
        secrets=["shop_password"],
        configs=[{"source": "shop", "target": "/shop.conf"}],
    )
    return {
        "services": {"keeper": keeper},
        "volumes": {"data": {}},
        "secrets": {"shop_password": {"file": "${SECRETS_DIR:-./secrets}/shop_password"}},
        "configs": {"shop": {"file": "./config/shop.conf"}},
    }


class Site(Project):
    """A checkout in miniature with the compose files of production."""

    def __init__(self, folder: Path) -> None:
        first = model("first")
        super().__init__(folder, first.pop("services"), **first)
        self.state = folder.parent / "state"
        self.environment["STATE_DIR"] = str(self.state)
        (folder / "docker" / "config").mkdir()
        (folder / "docker" / "config" / "shop.conf").write_text("one\n")
        (folder / ".env").write_text("GATE_TIMEOUT=21\n")
        self.write(
            "docker-compose.prod.yml",
            {
                "services": {
                    "keeper": {
                        "labels": {"com.rofecare.mode": "production", "com.rofecare.release": "${RELEASE:-}"},
                        "volumes": ["production-marker:/run/production-marker:ro"],
                    }
                },
                "volumes": {
                    "data": {"external": True, "name": "${COMPOSE_PROJECT_NAME}_production_data"},
                    "production-marker": {"external": True, "name": _MARKER},
                },
            },
        )

    def change(self, version: str, then: str = FOREVER) -> None:
        """Another version of the software."""
        (self.root / "docker" / "config" / "shop.conf").write_text(f"{version}\n")
        networks = json.loads((self.root / "docker" / "docker-compose.yml").read_text())["networks"]
        self.write("docker-compose.yml", {"name": self.name, "networks": networks, **model(version, then)})

    def at(self, folder: Path) -> Site:
        """The same platform from another checkout."""
        other = object.__new__(Site)
        other.__dict__.update(self.__dict__)
        other.root = folder
        return other

    def release(self) -> str:
        """The id of the release in use."""
        return os.path.basename(os.path.realpath(self.state / "current"))  # noqa: PTH119

    def by_hand(self, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
        """`docker compose` with the documented files, and no setting in the environment."""
        kept = {name: value for name, value in os.environ.items() if name not in {"STATE_DIR", "COMPOSE_PROJECT_NAME"}}
        argv = ["docker", "compose", *_FILES, *words]
        return subprocess.run(argv, cwd=folder, env=kept, capture_output=True, text=True, check=False)

    def as_owner(self, *words: str) -> tuple[int, str]:
        """The tasks of the release in use, run by a user who may use the engine and is not root."""
        group = Path("/var/run/docker.sock").stat().st_gid
        user = ("setpriv", f"--reuid={_OWNER}", f"--regid={_OWNER}", f"--groups={group}")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.state)}
        argv = [*user, str(self.state / "current" / "inv"), *words]
        done = subprocess.run(argv, cwd="/", env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def undecided(self, **entry: object) -> None:
        """Write the journal of an upgrade that was not decided."""
        known = {"backup": "", "closed": time.time(), "decided": False, **entry}
        (self.state / f"upgrade-{self.name}.json").write_text(json.dumps(known))

    def data(self) -> list[str]:
        """The versions that have started."""
        return self.docker("exec", f"{self.name}-keeper-1", "cat", "/data/log").split()


@pytest.fixture(scope="module")
def site(small_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    assert small_image
    made = Site(tmp_path_factory.mktemp("site") / "checkout")
    check(made.inv("init"), 0)
    check(made.inv("start-all", "--prod"), 0, "production runs from")
    yield made
    made.clean()


def test_nothing_is_mounted_from_the_checkout(site: Site) -> None:
    sources = [mount["Source"] for mount in site.inspect("keeper")["Mounts"] if mount["Type"] == "bind"]
    assert len(sources) == 2
    assert all(Path(one).is_relative_to(site.state) for one in sources), sources
    assert not (site.root / "docker" / "secrets").exists()
    assert "GATE_TIMEOUT=21" in (site.state / "settings.env").read_text()


def test_a_cleaned_moved_or_new_checkout_changes_nothing(site: Site, tmp_path: Path) -> None:
    before = site.inspect("keeper")["Id"]
    shutil.copytree(site.root, tmp_path / "clone", symlinks=True)
    for one in (site.at(tmp_path / "clone"), site):
        for made in (".rofecare", "backups", "docker/secrets"):
            shutil.rmtree(one.root / made, ignore_errors=True)
        (one.root / ".env").write_text("")
        check(one.inv("start-all"), 0, "production")
        assert site.inspect("keeper")["Id"] == before
    data = site.data()
    moved = site.root.rename(tmp_path / "moved")
    try:
        check(site.at(moved).inv("stop-all"), 0)
        # No checkout, and nothing in the environment.
        program = str(site.state / "current" / "inv")
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        done = subprocess.run(
            [program, "start-all"], cwd="/", env=environment, capture_output=True, text=True, check=False
        )
        check((done.returncode, done.stdout + done.stderr), 0, "up: 1 of 1")
    finally:
        moved.rename(site.root)
    assert site.data() == [*data, "first"]


def test_by_hand_it_works_in_the_release_and_in_no_checkout(site: Site) -> None:
    before = site.inspect("keeper")["Id"]
    here = site.by_hand(site.state / "current" / "docker", "up", "-d")
    assert here.returncode == 0, here.stderr
    assert site.inspect("keeper")["Id"] == before
    (site.root / ".env").write_text(f"COMPOSE_PROJECT_NAME={site.name}\n")
    try:
        there = site.by_hand(site.root / "docker", "up", "-d", "--force-recreate")
        assert there.returncode != 0
        assert "_production_checkout" in there.stderr
        assert site.inspect("keeper")["Id"] == before
    finally:
        (site.root / ".env").write_text("")


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None, reason="root alone can act as another user")
def test_root_and_the_owner_take_turns(site: Site) -> None:
    folders = [str(site.state), str(site.root)]
    subprocess.run(["chown", "-R", f"{_OWNER}:{_OWNER}", *folders], check=True)
    # The folder of the tests belongs to root alone.
    for parent in [*site.state.parents][:-2]:
        parent.chmod(parent.stat().st_mode | 0o011)
    check(site.inv("start-all"), 0)
    check(site.inv("stop-all"), 0)
    check(site.as_owner("start-all"), 0, "up: 1 of 1")
    check(site.inv("start-all"), 0, "already ready")
    find = ["find", *folders, "!", "-user", str(_OWNER)]
    assert subprocess.run(find, capture_output=True, text=True, check=True).stdout == ""


def test_an_upgrade_brings_the_release_of_the_checkout_and_a_rollback_the_previous_one(site: Site) -> None:
    first = site.release()
    site.change("second")
    check(site.inv("start-all"), 0)
    assert site.release() == first, "a start never changes the software"
    check(site.inv("upgrade"), 0, "upgraded")
    second = site.release()
    assert second != first
    assert site.docker("exec", f"{site.name}-keeper-1", "cat", "/shop.conf") == "second"
    site.change("third", then="exit 3")
    check(site.inv("upgrade"), 7, "rolled back")
    assert site.release() == second
    assert site.docker("exec", f"{site.name}-keeper-1", "cat", "/shop.conf") == "second"
    assert site.inspect("keeper")["State"]["Health"]["Status"] == "healthy"
    here = site.by_hand(site.state / "current" / "docker", "config", "--hash", "keeper")
    assert here.stdout.split()[1] == site.inspect("keeper")["Config"]["Labels"]["com.docker.compose.config-hash"]
    # What a kill leaves after the switch to the second release and before the decision for it.
    image = site.inspect("keeper")["Image"]
    site.undecided(services={"keeper": IMAGE}, images={IMAGE: image}, touched=["keeper"], release=first)
    check(site.inv("start-all"), 0, "the interrupted upgrade is rolled back")
    assert site.release() == first
    assert site.docker("exec", f"{site.name}-keeper-1", "cat", "/shop.conf") == "one"


def test_a_platform_of_the_version_before_is_taken_over(small_image: str, tmp_path: Path) -> None:
    """It runs from the checkout, with its secrets there, and no marker."""
    assert small_image
    old = Site(tmp_path / "checkout")
    path = old.root / "docker" / "docker-compose.prod.yml"
    present = path.read_text()
    labels = {"labels": {"com.rofecare.mode": "production"}}
    volume = f"{old.name}_production_data"
    try:
        old.write(
            path.name,
            {"services": {"keeper": labels}, "volumes": {"data": {"external": True, "name": volume}}},
        )
        old.docker("volume", "create", "--label", f"com.rofecare.project={old.name}", volume)
        secret = old.root / "docker" / "secrets" / "shop_password"
        secret.parent.mkdir(mode=0o700)
        secret.write_text("a secret of the version before, long enough")
        (old.root / ".env").write_text(f"COMPOSE_PROJECT_NAME={old.name}\nGATE_TIMEOUT=22\n")
        done = old.by_hand(old.root / "docker", "up", "-d")
        assert done.returncode == 0, done.stderr
        path.write_text(present)
        check(old.inv("start-all"), 0, "production runs from")
        assert old.data() == ["first", "first"]
        assert old.docker("exec", f"{old.name}-keeper-1", "cat", "/run/secrets/shop_password").startswith("a secret of")
        assert "GATE_TIMEOUT=22" in (old.state / "settings.env").read_text()
        shutil.rmtree(old.root / "docker")
        old.docker("restart", f"{old.name}-keeper-1")
        assert old.data() == ["first"] * 3
    finally:
        old.clean()
        old.docker("volume", "rm", "--force", volume)
