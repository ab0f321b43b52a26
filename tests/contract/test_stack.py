"""The production model as a stack of Docker Swarm, for every combination of settings that selects compose files."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.platform import Platform, parse
from rofecare_infra.swarm import placement
from rofecare_infra.swarm.stack import Stack, contents, paths_of, stack_of
from rofecare_infra.swarm.table import SECTIONS
from tests.support.documented import BUSINESS, EVERYTHING
from tests.support.namespace import load_namespace

Json = dict[str, Any]
MakeModel = Callable[..., Json]

_BASE = ("docker-compose.yml", "docker-compose.prod.yml")
_PACKAGES = ("docker-compose.packages.yml", "docker-compose.prod.packages.yml")
_TLS = {"TLS_HOST": "his.example", "TLS_ISSUER": "files"}
CASES = {
    "registry": (_BASE, {}),
    "packages": ((*_BASE, "docker-compose.swarm.yml", *_PACKAGES), {}),
    "tls": ((*_BASE, "docker-compose.tls.yml"), _TLS),
    "small": ((*_BASE, "docker-compose.tls.yml", "docker-compose.small.yml"), _TLS),
}


@pytest.fixture(scope="module", params=CASES)
def made(request: pytest.FixtureRequest, model_of: MakeModel, root: Path) -> tuple[Platform, Stack]:
    files, settings = CASES[request.param]
    chosen = files if "docker-compose.swarm.yml" in files else (*files, "docker-compose.swarm.yml")
    paths = {f"TLS_{name}_FILE": f"/site/{name}" for name in ("CERTIFICATE", "KEY")} if settings else {}
    described = json.loads(json.dumps(model_of(*chosen, **settings, **paths)).replace("$$", "$"))
    platform = parse(described)
    site = {str(path): b"x" * 64 for path in [*platform.secrets.values(), *map(Path, paths.values())]}
    places = {one.name: "node1" for one in placement.with_data(platform.services)}
    stack, refused = stack_of(
        described,
        {**contents([path for path in paths_of(described) if Path(path).exists()]), **site},
        key=b"k",
        placement=places,
        with_data=places,
        software=str(root / "docker"),
    )
    assert [str(one) for one in refused] == []
    return platform, stack


def test_the_command_accepts_every_stage(made: tuple[Platform, Stack]) -> None:
    platform, stack = made
    for stage in platform.stages():
        document = json.dumps(stack.part(stage.names))
        argv = ["docker", "stack", "config", "--compose-file", "-"]
        done = subprocess.run(argv, input=document, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        for name in stage.names:
            assert f"\n  {name}:\n" in done.stdout


def test_every_service_is_deployed_once_and_gated(made: tuple[Platform, Stack]) -> None:
    platform, stack = made
    assert {*stack.services} == {*EVERYTHING, "front", "front-data"}
    assert sorted(name for stage in platform.stages() for name in stage.names) == sorted(stack.services)
    for name, one in stack.services.items():
        assert one["deploy"]["endpoint_mode"] == "dnsrr"
        assert one["deploy"]["update_config"]["failure_action"] == "rollback"
        assert "healthcheck" in one or name == "front-data"


def test_only_the_front_is_published(made: tuple[Platform, Stack]) -> None:
    _, stack = made
    assert stack.published == ("front",)
    # What another machine can reach through, is a network with a way out.
    open_networks = {name for name, one in stack.networks.items() if not one.get("internal")}
    users = {name: {*one["networks"]} & open_networks for name, one in stack.services.items()}
    assert {name: found for name, found in users.items() if found} == {
        "front": {"edge"},
        "rofecare-service-platform": {"outbound"},
    }


def test_no_secret_is_in_the_document_and_all_of_them_are_in_the_swarm(made: tuple[Platform, Stack]) -> None:
    platform, stack = made
    used = {name for service in platform.services for name in service.secrets}
    assert len(stack.secrets) >= len(used)
    assert "x" * 64 not in json.dumps(stack.part(list(stack.services)))


def test_services_with_data_have_a_place_and_their_volumes_stay(made: tuple[Platform, Stack]) -> None:
    _, stack = made
    for name, one in stack.services.items():
        mounted = [mount["source"] for mount in one.get("volumes", ()) if mount.get("source")]
        pinned = f"node.labels.com.rofecare.rofecare.{name} == true"
        is_global = one["deploy"].get("mode") == "global"
        constraints = one["deploy"].get("placement", {}).get("constraints", [])
        assert constraints == ([pinned] if mounted and not is_global else [])
        for volume in mounted:
            assert stack.volumes[volume]["name"] == f"rofecare_production_{volume}"
            assert stack.volumes[volume]["labels"] == {"com.rofecare.project": "rofecare"}


def test_applications_register_the_address_in_the_network_that_they_share(made: tuple[Platform, Stack]) -> None:
    _, stack = made
    (subnet,) = stack.networks["backend"]["ipam"]["config"]
    for name in (*BUSINESS, "rofecare-gateway", "rofecare-discovery-server"):
        environment = stack.services[name]["environment"]
        assert subnet["subnet"].startswith(environment["SPRING_CLOUD_INETUTILS_PREFERRED_NETWORKS"])
        assert environment["SPRING_CLOUD_INETUTILS_IGNORED_INTERFACES"] == ""


@pytest.mark.parametrize("path", ["docs/stack.md", "docs/fr/stack.md"])
def test_the_table_is_documented(root: Path, path: str) -> None:
    text = (root / path).read_text()
    for section in SECTIONS.values():
        for key, row in section.items():
            assert f"`{key}`" in text, f"{key} ({row.fate.value})"


# They concern neither a stack nor its images, or find nothing on it.
_ANYWHERE = {"bench", "dashboards", "lint", "test", "unlock", "stop-monitoring"}


@pytest.mark.parametrize("path", ["docs/stack.md", "docs/fr/stack.md"])
def test_each_task_is_in_the_table_of_what_works_or_in_that_of_what_is_refused(root: Path, path: str) -> None:
    rows = [line.split("|")[1] for line in (root / path).read_text().splitlines() if line.startswith("| `inv ")]
    named = [name for row in rows for name in re.findall(r"`inv ([\w-]+)`", row)]
    assert len(named) == len(set(named))
    assert {*named} | _ANYWHERE == {*load_namespace(root).task_names}
