"""What the engine holds decides what is protected, from every checkout and without any file of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import FOREVER, IMAGE, Project, check, service, small_network

pytestmark = pytest.mark.full

KEEPER = service("echo kept >> /data/file; " + FOREVER, volumes=["data:/data"], secrets=["shop_password"])
SECRETS = {"shop_password": {"file": "${SECRETS_DIR:-./secrets}/shop_password"}}


class Site(Project):
    """A project with data in one volume in development and in another one in production."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, {"keeper": KEEPER}, volumes={"data": {}}, secrets=SECRETS)
        self.kept = f"{self.name}_production_data"
        self.write(
            "docker-compose.prod.yml",
            {
                "services": {"keeper": {"labels": {"com.rofecare.mode": "production"}}},
                "volumes": {"data": {"external": True, "name": "${COMPOSE_PROJECT_NAME}_production_data"}},
            },
        )

    def clone(self, folder: Path) -> Site:
        """Another checkout of the same software, for the same project."""
        other = Site(folder)
        other.name, other.kept = self.name, self.kept
        other.environment = dict(self.environment)
        shutil.copytree(self.root / "docker", folder / "docker", dirs_exist_ok=True)
        shutil.rmtree(folder / "docker" / "secrets", ignore_errors=True)
        return other

    def volumes(self) -> set[str]:
        """The names of the volumes that begin with the name of the project."""
        return set(self.docker("volume", "ls", "-q", "--filter", f"name={self.name}_").split())

    def mounted(self) -> str:
        """The volume that the service uses."""
        return next(str(one["Name"]) for one in self.inspect("keeper")["Mounts"] if one["Type"] == "volume")


@pytest.fixture
def site(small_image: str, tmp_path: Path) -> Iterator[Site]:
    assert small_image
    made = Site(tmp_path / "site")
    yield made
    made.clean()


@pytest.fixture
def production(site: Site) -> Site:
    check(site.inv("start-all", "--prod"), 0)
    check(site.inv("stop-all"), 0)
    return site


def test_a_fresh_clone_and_a_cleaned_checkout_find_production(production: Site, tmp_path: Path) -> None:
    marker = json.loads(production.docker("volume", "inspect", f"{production.name}_platform"))[0]["Labels"]
    assert marker["com.rofecare.mode"] == "production"
    assert marker["com.rofecare.state"] == production.environment["STATE_DIR"]
    clone = production.clone(tmp_path / "clone")
    shutil.rmtree(production.root / ".rofecare", ignore_errors=True)
    before = production.volumes()
    for checkout in (clone, production):
        check(checkout.inv("stop-all", "--volumes"), 2, "no terminal to ask in")
        assert production.volumes() == before
    check(production.inv("start-all"), 0)
    assert production.mounted() == production.kept
    # Without the marker, the data is enough.
    check(production.inv("stop-all"), 0)
    production.docker("volume", "rm", f"{production.name}_platform")
    check(clone.inv("stop-all", "--volumes"), 2, "no terminal to ask in")


def test_production_is_not_begun_beside_development_data(site: Site) -> None:
    check(site.inv("init"), 0)
    assert site.volumes() == set()
    check(site.inv("start-all"), 0)
    for words in (("start-all", "--prod"), ("init", "--prod")):
        check(site.inv(*words), 3, "no second, empty set of volumes", "inv start-all", "COMPOSE_PROJECT_NAME")
    assert site.volumes() == {f"{site.name}_data"}
    # Empty volumes of production, as earlier versions created them, do not make it production.
    site.docker("volume", "create", "--label", f"com.rofecare.project={site.name}", site.kept)
    check(site.inv("start-all"), 0)
    assert site.mounted() == f"{site.name}_data"
    check(site.inv("stop-all", "--volumes"), 0, "removed 1 secrets: shop_password")
    assert site.volumes() == set()


def test_a_foreign_stack_and_the_secrets_of_another_project_stay(site: Site, tmp_path: Path) -> None:
    check(site.inv("start-all"), 0)
    shop = f"{site.name}-shop"
    model = {
        "name": shop,
        "services": {"web": {"image": IMAGE, "command": ["sleep", "infinity"], "init": True, "volumes": ["orders:/x"]}},
        "volumes": {"orders": {}},
        "networks": {"default": small_network()},
    }
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(model))
    site.docker("compose", "-p", shop, "-f", str(file), "up", "-d")
    password = site.root / "docker/secrets/shop_password"
    text, own = password.read_text(), site.name
    try:
        site.name = shop
        for words in (("stop-all",), ("stop-all", "--volumes"), ("start-all",)):
            check(
                site.inv(*words), 3, f"the project {shop} contains", f"container {shop}-web-1", "COMPOSE_PROJECT_NAME"
            )
        assert site.inspect("web")["State"]["Status"] == "running"
        site.docker("compose", "-p", shop, "-f", str(file), "down")
        check(site.inv("stop-all", "--volumes"), 3, f"volume {shop}_orders")
        assert f"{shop}_orders" in site.volumes()
        # A project that never existed leaves the secrets of others alone, also of a stopped one.
        site.name = own
        check(site.inv("stop-all"), 0)
        site.name = f"{own}-none"
        check(site.inv("stop-all", "--volumes"), 0, f"secrets kept: they are also those of {own}")
        assert password.read_text() == text
    finally:
        site.name = own
        site.docker("compose", "-p", shop, "-f", str(file), "down", "--volumes")
    check(site.inv("start-all"), 0)
