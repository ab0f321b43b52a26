"""Which images run: fixed tags, upstream names, and the same services whatever they are built from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.images.lockfile import FILE, read
from rofecare_infra.images.names import without_host
from rofecare_infra.images.resolve import image_variable
from rofecare_infra.settings import Settings
from tests.support.documented import APPLICATIONS, DATABASES, EVERYTHING

Json = dict[str, Any]
MakeModel = Callable[..., Json]

UPSTREAM = {
    **dict.fromkeys(DATABASES, "postgres:17.11-trixie"),
    "redis": "redis:8.2.9-bookworm",
    "kafka": "confluentinc/cp-kafka:7.9.8",
    "zookeeper": "confluentinc/cp-zookeeper:7.9.8",
    **{name: f"ghcr.io/rofecare/{name}:v1.0.0" for name in APPLICATIONS},
}
PACKAGED = {
    **dict.fromkeys(DATABASES, "rofecare/postgres:17"),
    "redis": "rofecare/redis:8",
    "kafka": "rofecare/kafka:3.9.1",
    "zookeeper": "rofecare/kafka:3.9.1",
    **{name: f"rofecare/{name}:reference" for name in APPLICATIONS},
}


def images(model: Json) -> dict[str, str]:
    return {name: service["image"] for name, service in model["services"].items()}


def test_registry_mode_names_the_upstream_images(model: Json) -> None:
    assert images(model) == UPSTREAM


def test_packages_mode_names_our_own(packages: Json) -> None:
    assert images(packages) == PACKAGED


@pytest.mark.parametrize("mode", ["model", "packages"])
def test_every_tag_is_fixed(request: pytest.FixtureRequest, mode: str) -> None:
    found = images(request.getfixturevalue(mode)).values()
    assert [image for image in found if not re.search(r":[\w.-]+$", image) or image.endswith(":latest")] == []


def test_base_images_of_builds_have_fixed_tags(root: Path) -> None:
    for dockerfile in (root / "docker" / "images").glob("*/Dockerfile"):
        text = dockerfile.read_text()
        stages = set(re.findall(r"^FROM .* AS (\S+)", text, re.MULTILINE))
        for image in re.findall(r"^FROM (\S+)|^ARG \w+_IMAGE=(\S+)", text, re.MULTILINE):
            name = "".join(image)
            assert name in stages or "$" in name or re.search(r":(?!latest)[\w.-]+$", name), f"{dockerfile}: {name}"
        assert "# syntax=" not in text


def test_images_do_not_depend_on_the_umask_of_a_clone(root: Path) -> None:
    """Containers run as users of their own. Without --chmod, a file has the mode that it has in the checkout."""
    for dockerfile in (root / "docker" / "images").glob("*/Dockerfile"):
        # Builds run as root.
        if dockerfile.parent.name != "maven":
            final = re.split(r"^FROM .*$", dockerfile.read_text(), flags=re.MULTILINE)[-1]
            copied = re.findall(r"^(?:COPY|ADD) (?!--from=).*$", final, re.MULTILINE)
            assert [line for line in copied if not re.match(r"COPY --chmod=0(755|644) ", line)] == [], dockerfile


def test_a_mirror_is_one_setting(model_of: MakeModel) -> None:
    mirrored = model_of("docker-compose.yml", IMAGE_PREFIX="mirror.example:5000/")
    expected = {name: "mirror.example:5000/" + image.removeprefix("ghcr.io/") for name, image in UPSTREAM.items()}
    assert images(mirrored) == expected
    for name in APPLICATIONS:
        arguments = mirrored["services"][name]["build"]["args"]
        assert arguments["JAVA_IMAGE"].startswith("mirror.example:5000/")
        assert arguments["MAVEN_IMAGE"].startswith("mirror.example:5000/")


def test_the_lock_file_lists_every_upstream_image(model_of: MakeModel, root: Path) -> None:
    files = ("docker-compose.yml", "docker-compose.prod.yml", "docker-compose.tls.yml", "docker-compose.monitoring.yml")
    production = {"PRODUCTION_MARKER": "x", "RELEASE": "x", "TLS_HOST": "x.example"}
    merged = model_of(*files, "docker-compose.monitoring.prod.yml", **production)
    used = set()
    for service in [*merged["services"].values(), *model_of("docker-compose.yml")["services"].values()]:
        arguments = (service.get("build") or {}).get("args") or {}
        used |= {value for name, value in arguments.items() if name.endswith("_IMAGE")}
        # What is built here has no digest of a registry, and the applications have the version of the site.
        if not service.get("build"):
            used.add(service["image"])
    lock = json.loads((root / "docker" / FILE).read_text())
    assert set(lock) == used
    # A mirror has the images under their names without a host.
    assert len({without_host(image) for image in lock}) == len(lock)
    assert read(Settings(root, {})).digests == lock


def test_a_version_of_the_applications_is_one_setting(model_of: MakeModel) -> None:
    newer = images(model_of("docker-compose.yml", SERVICES_TAG="v2.1.0"))
    assert {newer[name] for name in APPLICATIONS} == {f"ghcr.io/rofecare/{name}:v2.1.0" for name in APPLICATIONS}


@pytest.mark.parametrize("files", [("docker-compose.yml",), ("docker-compose.yml", "docker-compose.packages.yml")])
def test_an_application_can_be_swapped_by_one_setting(model_of: MakeModel, files: tuple[str, ...]) -> None:
    chosen = {image_variable(name): f"mine/{name}:1" for name in APPLICATIONS}
    swapped = images(model_of(*files, **chosen))
    assert {name: swapped[name] for name in APPLICATIONS} == {name: f"mine/{name}:1" for name in APPLICATIONS}


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_packages_overlay_changes_image_and_build_alone(model: Json, packages: Json, name: str) -> None:
    def rest(service: Json) -> Json:
        return {key: value for key, value in service.items() if key not in {"image", "build"}}

    assert rest(packages["services"][name]) == rest(model["services"][name])


def test_the_packages_overlay_adds_no_container(model: Json, packages: Json) -> None:
    assert set(packages["services"]) == set(model["services"])
    assert {key: packages[key] for key in ("networks", "volumes", "secrets")} == {
        key: model[key] for key in ("networks", "volumes", "secrets")
    }


def test_everything_can_be_built_in_packages_mode(packages: Json) -> None:
    for name, service in packages["services"].items():
        build = service["build"]
        dockerfile = Path(build["context"]) / build.get("dockerfile", "Dockerfile")
        assert dockerfile.is_file(), f"{name}: {dockerfile}"


@pytest.mark.parametrize("mode", ["model", "packages"])
@pytest.mark.parametrize("name", APPLICATIONS)
def test_the_applications_share_one_dockerfile(request: pytest.FixtureRequest, mode: str, name: str) -> None:
    build = request.getfixturevalue(mode)["services"][name]["build"]
    assert Path(build["dockerfile"]).name == "Dockerfile"
    assert Path(build["dockerfile"]).parent.name == "application"
    assert build["args"]["APPLICATION"] == name
    module = name.removeprefix("rofecare-") if not name.startswith("rofecare-service-") else "service"
    assert build["args"]["MODULE"] == module
    assert {secret["source"] for secret in build["secrets"]} == {"ca-bundle"}


@pytest.mark.parametrize(
    ("image", "first"),
    [
        ("kafka", r"lib/kafka_2.13-{}.jar"),
        ("elasticsearch", r"server/lib/elasticsearch-{}.jar"),
        ("zipkin", r"jar/zipkin-server-{}-exec.jar"),
    ],
)
def test_the_jars_of_an_image_are_recorded_and_compared(root: Path, image: str, first: str) -> None:
    folder = root / "docker" / "images" / image
    recorded = (folder / "SHA256SUMS").read_text().splitlines()
    assert [line for line in recorded if not re.fullmatch(r"[0-9a-f]{64}  [\w/]+/[\w.-]+\.jar", line)] == []
    assert recorded == sorted(recorded, key=lambda line: line.split("  ")[1])
    pom = next(path for path in (folder / "pom.xml", folder / "server" / "pom.xml") if path.exists())
    version = re.search(r"<version>(.*)</version>", pom.read_text())
    assert version is not None
    assert any(line.endswith(f"  {first.format(version[1])}") for line in recorded)
    dockerfile = (folder / "Dockerfile").read_text()
    assert re.search(r"find .* -type f -exec sha256sum {} \+ \| LC_ALL=C sort --key=2 >found", dockerfile)
    assert "diff SHA256SUMS found" in dockerfile


def test_maven_refuses_artifacts_without_a_valid_checksum(root: Path) -> None:
    script = (root / "docker" / "images" / "maven" / "mvn-trusted").read_text()
    calls = re.findall(r"^(?:\s*exec )?mvn .*$", script, re.MULTILINE)
    assert len(calls) == 2
    assert all("mvn --strict-checksums " in call for call in calls)
