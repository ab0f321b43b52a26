"""Where images come from: what is asked for, else what this machine has, else what it can reach."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.compose import PACKAGES
from rofecare_infra.errors import SettingsError
from rofecare_infra.images import Sources, resolve
from rofecare_infra.images.arguments import build_arguments
from rofecare_infra.images.resolve import image_variable, local_image
from rofecare_infra.platform import Platform, Service
from tests.support.fakes import FakeCompose, FakeEngine, service, settings

APP = "rofecare-service-patient"
DATABASES = (service("a-db"), service("b-db"))
APPLICATION = replace(
    service(APP, "business"), checkout=APP, image=f"ghcr.io/rofecare/{APP}:v1", build={"context": "reference"}
)
UPSTREAM = Platform("rofecare", (*(replace(one, image="postgres:17") for one in DATABASES), APPLICATION))
PACKAGED = Platform("rofecare", (*(replace(one, image="rofecare/postgres:17") for one in DATABASES), APPLICATION))


class Registry:
    """Says whether hosts answer, and remembers who was asked."""

    def __init__(self, *answering: str, offered: bool = True) -> None:
        self.answering = answering
        self.offered = offered
        self.asked: list[str] = []

    def __call__(self, host: str) -> bool:
        self.asked.append(host)
        return host in self.answering


@pytest.fixture
def root(tmp_path: Path) -> Path:
    checkout = tmp_path / "rofecare-infrastructure"
    (checkout / "docker").mkdir(parents=True)
    (checkout / "docker" / PACKAGES).touch()
    return checkout


def opened(compose: FakeCompose) -> Sources:
    return Sources(compose, compose.upstream)


def resolved(
    root: Path, *images: str, registry: Registry | None = None, production: bool = False, **values: str
) -> Sources:
    compose = FakeCompose(root / "docker", upstream=UPSTREAM, packaged=PACKAGED)
    asked = registry or Registry()
    return resolve(
        settings(root, **values),
        opened(compose),
        FakeEngine(images=images),
        asked,
        lambda _image: asked.offered,
        production=production,
    )


HUB = "registry-1.docker.io"


@pytest.mark.parametrize(
    ("wish", "local", "answering", "expected", "why"),
    [
        ("registry", (), (), "registry", "IMAGES=registry"),
        ("packages", ("postgres:17",), (HUB,), "packages", "IMAGES=packages"),
        ("auto", ("postgres:17",), (), "registry", "all of them are on this machine"),
        ("auto", ("postgres:17", "rofecare/postgres:17"), (), "registry", "all of them are on this machine"),
        ("auto", ("rofecare/postgres:17",), (HUB,), "packages", "built on this machine before"),
        ("auto", (), (HUB,), "registry", "answers"),
        ("auto", (), (), "packages", "does not answer"),
        ("auto", (), ("ghcr.io",), "packages", "does not answer"),
    ],
)
def test_infrastructure(
    root: Path, wish: str, local: tuple[str, ...], answering: tuple[str, ...], expected: str, why: str
) -> None:
    sources = resolved(root, *local, registry=Registry(*answering), IMAGES=wish, SERVICES="reference")
    assert sources.infrastructure == expected
    assert why in sources.reasons[0]
    assert (PACKAGES in sources.compose.files) == (expected == "packages")
    assert sources.platform.service("a-db").image == (
        "rofecare/postgres:17" if expected == "packages" else "postgres:17"
    )


@pytest.mark.parametrize(
    ("wish", "local", "answering", "checkout", "expected"),
    [
        ("source", (), (), True, "source"),
        ("registry", (), (), True, "registry"),
        ("reference", (), ("ghcr.io",), True, "reference"),
        ("auto", (f"ghcr.io/rofecare/{APP}:v1",), ("ghcr.io",), True, "source"),
        ("auto", (f"ghcr.io/rofecare/{APP}:v1",), (), False, "registry"),
        ("auto", (f"rofecare/{APP}:reference",), ("ghcr.io",), False, "reference"),
        ("auto", (), ("ghcr.io",), False, "registry"),
        ("auto", (), (), False, "reference"),
        ("auto", (), (HUB,), False, "reference"),
    ],
)
def test_applications(
    root: Path, wish: str, local: tuple[str, ...], answering: tuple[str, ...], expected: str, *, checkout: bool
) -> None:
    if checkout:
        (root.parent / APP).mkdir()
        (root.parent / APP / "pom.xml").touch()
    sources = resolved(root, *local, registry=Registry(*answering), IMAGES="packages", SERVICES=wish)
    assert sources.applications == {APP: expected}
    image = f"ghcr.io/rofecare/{APP}:v1" if expected == "registry" else local_image(APP, expected)
    assert sources.compose.variables["ROFECARE_SERVICE_PATIENT_IMAGE"] == image
    assert sources.is_built(sources.platform.service(APP)) == (expected != "registry")
    assert sources.reasons[-1] == f"applications: {expected} ({APP}) (SERVICES={wish})"


def test_production_builds_no_checkout_that_merely_is_there(root: Path) -> None:
    (root.parent / APP).mkdir()
    (root.parent / APP / "pom.xml").touch()
    published = f"ghcr.io/rofecare/{APP}:v1"
    for wish, expected in (("auto", "registry"), ("source", "source")):
        sources = resolved(root, published, production=True, IMAGES="packages", SERVICES=wish)
        assert sources.applications == {APP: expected}
    with pytest.raises(SettingsError, match="production has no image") as caught:
        resolved(root, production=True, IMAGES="packages")
    assert "SERVICES=source" in caught.value.expected


def test_a_registry_that_answers_but_does_not_hand_out_the_image(root: Path) -> None:
    registry = Registry("ghcr.io", offered=False)
    assert resolved(root, registry=registry, IMAGES="packages").applications == {APP: "reference"}


def test_source_without_a_checkout_is_refused(root: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be built from source"):
        resolved(root, IMAGES="packages", SERVICES="source")


def test_a_folder_without_a_build_file_is_no_checkout(root: Path) -> None:
    (root.parent / APP).mkdir()
    assert resolved(root, IMAGES="packages").applications == {APP: "reference"}


def test_an_image_set_by_hand_is_taken_as_it_is(root: Path) -> None:
    sources = resolved(root, IMAGES="packages", ROFECARE_SERVICE_PATIENT_IMAGE="mine:1")
    assert sources.applications == {APP: "chosen"}
    assert not sources.is_built(sources.platform.service(APP))
    assert "ROFECARE_SERVICE_PATIENT_IMAGE" not in sources.compose.variables


def test_a_registry_is_asked_once(root: Path) -> None:
    more = [replace(APPLICATION, name=f"{APP}-{number}", checkout=f"{APP}-{number}") for number in range(8)]
    compose = FakeCompose(
        root / "docker", upstream=Platform("p", (*UPSTREAM.services, *more)), packaged=Platform("p", PACKAGED.services)
    )
    registry = Registry()
    resolve(settings(root), opened(compose), FakeEngine(), registry)
    assert sorted(registry.asked) == ["ghcr.io", HUB]


def test_nobody_is_asked_when_nothing_is_open(root: Path) -> None:
    registry = Registry(HUB)
    resolved(root, registry=registry, IMAGES="packages", SERVICES="reference")
    assert registry.asked == []


def test_a_project_without_the_packages_overlay(root: Path) -> None:
    (root / "docker" / PACKAGES).unlink()
    sources = resolved(root)
    assert sources.infrastructure == "registry"
    assert PACKAGES not in sources.compose.files


@pytest.mark.parametrize(
    ("images", "values", "count"),
    [
        # On packages: the packaged model is the final one.
        (("rofecare/postgres:17",), {}, 1),
        ((), {"IMAGES": "packages"}, 1),
        # On upstream images that are on this machine, the packaged model is not needed.
        (("postgres:17",), {}, 1),
        # What was opened is what is started.
        (("postgres:17",), {"SERVICES": "registry"}, 0),
    ],
)
def test_compose_is_asked_for_no_model_twice(
    root: Path, monkeypatch: pytest.MonkeyPatch, images: tuple[str, ...], values: dict[str, str], count: int
) -> None:
    asked: list[tuple[str, ...]] = []
    model = FakeCompose.model

    def counted(compose: FakeCompose) -> Platform:
        asked.append(compose.files)
        return model(compose)

    monkeypatch.setattr(FakeCompose, "model", counted)
    resolved(root, *images, registry=None, production=False, **values)
    assert len(asked) == count


def test_what_cannot_be_built_is_left_out_and_named(root: Path) -> None:
    watching = (service("prometheus", "monitoring"), service("grafana", "monitoring"))
    upstream = replace(UPSTREAM, services=(*UPSTREAM.services, *watching))
    packaged = replace(PACKAGED, services=(*PACKAGED.services, replace(watching[0], image="rofecare/prometheus:1")))
    compose = FakeCompose(root / "docker", upstream=upstream, packaged=packaged)
    # The images of the monitoring are not there yet: they do not move the platform to another kind.
    sources = resolve(settings(root), opened(compose), FakeEngine(images=["rofecare/postgres:17"]), Registry(HUB), bool)
    assert sources.infrastructure == "packages"
    assert sources.reasons[-1] == "omitted, available only from an image registry: grafana"


def test_names() -> None:
    assert image_variable("rofecare-service-medical-technology") == "ROFECARE_SERVICE_MEDICAL_TECHNOLOGY_IMAGE"
    assert local_image(APP, "source") == f"rofecare/{APP}:source"


def application(name: str, **arguments: str) -> Service:
    build = {"context": "reference", "args": {"APPLICATION": name, **arguments}}
    return replace(service(name, "business"), checkout=name, build=build)


OF_THE_REPOSITORY = ("a", "b", "c")


@pytest.mark.parametrize(
    ("declared", "infrastructure", "expected"),
    [
        ({}, "packages", "rofecare/java:21"),
        ({}, "registry", "temurin:21"),
        ({"JAVA_IMAGE": "temurin:21"}, "packages", "rofecare/java:21"),
        ({"JAVA_IMAGE": "hospital/java:17"}, "packages", "hospital/java:17"),
        ({"JAVA_IMAGE": "hospital/java:17"}, "registry", "hospital/java:17"),
    ],
)
def test_an_added_application_is_built_on_the_base_images_of_the_others(
    root: Path, declared: dict[str, str], infrastructure: str, expected: str
) -> None:
    ninth = application("ninth", **declared)
    upstream = [application(name, JAVA_IMAGE="temurin:21") for name in OF_THE_REPOSITORY]
    packaged = [application(name, JAVA_IMAGE="rofecare/java:21") for name in OF_THE_REPOSITORY]
    compose = FakeCompose(
        root / "docker", upstream=Platform("p", (*upstream, ninth)), packaged=Platform("p", (*packaged, ninth))
    )
    found = resolve(settings(root, IMAGES=infrastructure), opened(compose), FakeEngine(), Registry()).platform
    assert build_arguments(found.service("ninth")) == {"APPLICATION": "ninth", "JAVA_IMAGE": expected}
    assert build_arguments(found.service("a"))["APPLICATION"] == "a"
