"""A service that a site adds, by the recipe of CONTRIBUTING.md: built without an image registry, started, checked."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from tests.support import workspace
from tests.support.platform import SHIFT, PlatformUnderTest, docker
from tests.support.project import INV, REPOSITORY

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

ADDED = "rofecare-service-laboratory"
# What the added service is checked with; the test starts nothing else of the platform.
NEEDED = {"rofecare-config-server", "rofecare-discovery-server", "rofecare-gateway", "redis"}

Json = dict[str, Any]


def recipe() -> Json:
    """The compose file of the section "Add a service"."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    section = text.partition("## Add a service")[2].partition("\n## ")[0]
    found = re.search(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    parsed: Json = yaml.safe_load(found.group(1))
    return parsed


@pytest.fixture
def site(engine: object, tmp_path: Path) -> Iterator[PlatformUnderTest]:
    """A copy of this checkout with the added service, whose other business services have no containers."""
    assert engine is not None
    checkout = tmp_path / "rofecare-infrastructure"
    checkout.mkdir()
    for name in ("tasks.py", ".env"):
        shutil.copy(REPOSITORY / name, checkout)
    for folder in ("docker", "monitoring"):
        shutil.copytree(REPOSITORY / folder, checkout / folder, symlinks=True)
    site = PlatformUnderTest(
        tmp_path,
        f"rofecare-added-{SHIFT}",
        beside=300,
        inside=lambda argv: [str(INV), "--search-root", str(checkout), *argv[1:]],
    )
    site.ports["LABORATORY_SERVICE_PORT"] = 8089 + SHIFT + 300
    site.environment["LABORATORY_SERVICE_PORT"] = str(site.ports["LABORATORY_SERVICE_PORT"])
    site.environment |= {"SERVICES": "auto", "WORKSPACE": str(tmp_path / "workspace")}
    workspace.shared(tmp_path / "workspace")
    workspace.application(tmp_path / "workspace", ADDED, "laboratory")
    services = yaml.safe_load((checkout / "docker" / "docker-compose.yml").read_text())["services"]
    override = recipe()
    override["services"] |= {name: {"scale": 0} for name in services if name not in NEEDED}
    # JSON is YAML, too.
    (checkout / "docker" / "docker-compose.override.yml").write_text(json.dumps(override))
    _elsewhere(checkout / "docker", override)
    yield site
    site.inv("stop-all", "--volumes")
    docker("image", "rm", "--force", f"rofecare/{ADDED}:source")


def _elsewhere(folder: Path, override: Json) -> None:
    """An override file by which the added service has its readiness where its own settings and two labels say."""
    own = {"management": {"server": {"port": 9091}, "endpoints": {"web": {"base-path": "/manage"}}}}
    (folder / "own").mkdir()
    (folder / "own" / "application.yml").write_text(json.dumps(own))
    changed = json.loads(json.dumps(override))
    added = changed["services"][ADDED]
    del added["environment"]["MANAGEMENT_SERVER_PORT"]
    where = {"PORT": "9091", "PATH": "/manage/health/readiness"}
    added["environment"] |= {f"HEALTH_{name}": value for name, value in where.items()}
    added["environment"]["SPRING_CONFIG_ADDITIONAL_LOCATION"] = "file:/own/"
    added["labels"] |= {f"com.rofecare.health.{name.lower()}": value for name, value in where.items()}
    added["volumes"] = ["./own:/own:ro"]
    (folder / "elsewhere.yml").write_text(json.dumps(changed))


def test_a_service_added_by_the_recipe_is_built_started_and_checked(site: PlatformUnderTest, tmp_path: Path) -> None:
    assert f"image rofecare/{ADDED}:source built" in site.expect(0, "build", "laboratory")
    site.expect(0, "start-all")
    assert set(site.containers()) == {ADDED, *NEEDED}
    port = site.ports["LABORATORY_SERVICE_PORT"]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/laboratory/own", timeout=10) as answer:
        assert json.load(answer) == {"greeting": "from source"}
    output = site.expect(0, "smoke")
    assert "not checked: the route of laboratory (the settings of the gateway contain none)" in output
    # The recipe declares the registration: it is checked.
    assert "the registration of laboratory" not in output

    override = tmp_path / "rofecare-infrastructure" / "docker" / "docker-compose.override.yml"
    (override.parent / "elsewhere.yml").rename(override)
    site.expect(0, "start-all")
    probe = json.loads(docker("inspect", site.container(ADDED)))[0]["State"]["Health"]["Log"][-1]["Output"]
    assert "200" in probe.splitlines()[0]
    site.expect(0, "smoke")
