"""What is built, in which order, and that one failure does not stop the others."""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rofecare_infra.engine import Image
from rofecare_infra.errors import CommandError
from rofecare_infra.images import BuildReport, Sources, build, missing
from rofecare_infra.platform import Platform, Service
from rofecare_infra.process import Result
from rofecare_infra.progress import Event, ImageDone, Note
from rofecare_infra.settings import Settings
from tests.support.fakes import FakeCompose, FakeEngine, drain, service, settings

# By its full name: in the package, `fetch` is the function.
FETCH = sys.modules["rofecare_infra.images.fetch"]


@dataclass(frozen=True)
class Builder(FakeCompose):
    """Remembers what was built; fails for services that are broken, and for batches with one of them."""

    built: list[tuple[tuple[str, ...], Mapping[str, Mapping[str, str]]]] = field(default_factory=list)
    broken: tuple[str, ...] = ()
    said: str = ""
    foundations: tuple[Service, ...] = ()

    def model(self, *, profiles: Sequence[str] = ()) -> Platform:
        """With the profile, the images that others stand on are services, too."""
        extra = self.foundations if profiles else ()
        return replace(self.upstream, services=(*self.upstream.services, *extra))

    def build(
        self,
        images: Mapping[str, str],
        *,
        profiles: Sequence[str] = (),
        arguments: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Generator[str, None, Result]:
        """Make an image of a new id for each service."""
        assert list(profiles) == ["images"]
        self.built.append((tuple(images), arguments or {}))
        yield "#1 building"
        if set(self.broken) & set(images):
            text = "#9 [ERROR] cannot find symbol\n------\n > [build 4/4] RUN mvn package:\nfailed to solve\n"
            return Result((), 1, "", text)
        for name, image in images.items():
            assert image == self.model(profiles=["images"]).service(name).image
            self.engine.images[image] = Image(f"sha256:{len(self.built)}-{name}")
        return Result((), 0, "", self.said)


class Workshop:
    """Applications of some origins, with a folder for each that its build reads."""

    def __init__(self, root: Path, origins: Mapping[str, str], *, infrastructure: str = "registry") -> None:
        self.root = root
        (root / "docker" / "reference").mkdir(parents=True)
        self.dockerfile = root / "docker" / "reference" / "Dockerfile"
        self.dockerfile.write_text("FROM scratch\n")
        self.engine = FakeEngine()
        self.origins = origins
        for name, origin in origins.items():
            if origin == "source":
                (self.settings.workspace / name).mkdir()
                (self.settings.workspace / name / "pom.xml").write_text("<project/>")
        definition = {"context": str(root / "docker" / "reference")}
        services = tuple(
            replace(service(name, "business"), image=f"rofecare/{name}:{origin}", build=definition, checkout=name)
            for name, origin in origins.items()
        )
        self.builder = Builder(root / "docker", upstream=Platform("rofecare", services), engine=self.engine)
        self.infrastructure = infrastructure

    @property
    def settings(self) -> Settings:
        """The settings of a checkout that has no certificates to lend."""
        return settings(self.root, CA_BUNDLE="none.pem")

    def run(self, names: Iterable[str] | None = None, /, **change: object) -> tuple[list[Event], BuildReport]:
        """Build, all unless named."""
        builder = replace(self.builder, **change)  # type: ignore[arg-type]
        sources = Sources(builder, builder.upstream, self.infrastructure, self.origins, ())
        return drain(build(self.settings, sources, self.engine, list(names or self.origins)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "checkout"


def test_reference_services_share_one_build_and_checkouts_go_one_by_one(root: Path) -> None:
    shop = Workshop(root, {"a": "source", "b": "reference", "c": "source", "d": "reference"})
    events, report = shop.run()
    assert [names for names, _ in shop.builder.built] == [("b", "d"), ("a",), ("c",)]
    assert [arguments for _, arguments in shop.builder.built] == [
        {"b": {"ORIGIN": "reference"}, "d": {"ORIGIN": "reference"}},
        {"a": {"ORIGIN": "source"}},
        {"c": {"ORIGIN": "source"}},
    ]
    assert report.summary == "applications: 4 built, 0 up to date, 0 failed"
    assert {event.image for event in events if isinstance(event, ImageDone)} == {
        "rofecare/a:source",
        "rofecare/b:reference",
        "rofecare/c:source",
        "rofecare/d:reference",
    }


def test_a_second_time_there_is_nothing_to_do(root: Path) -> None:
    shop = Workshop(root, {"a": "source", "b": "reference"})
    shop.run()
    shop.builder.built.clear()
    _, report = shop.run()
    assert shop.builder.built == []
    assert report.summary == "applications: 0 built, 2 up to date, 0 failed"


def test_a_change_concerns_whoever_reads_it(root: Path) -> None:
    shop = Workshop(root, {"a": "source", "b": "source"})
    shop.run()
    shop.builder.built.clear()
    (shop.settings.workspace / "a" / "pom.xml").write_text("<project>changed</project>")
    _, report = shop.run()
    assert [names for names, _ in shop.builder.built] == [("a",)]
    assert report.current == ("rofecare/b:source",)


def test_where_the_workspace_lies_concerns_nobody(root: Path) -> None:
    shop = Workshop(root, {"a": "reference"})
    shop.run()
    for one in shop.builder.upstream.services:
        assert one.build is not None
        one.build["additional_contexts"] = {"workspace": "/somewhere/else"}  # type: ignore[index]
    assert shop.run()[1].current == ("rofecare/a:reference",)


def test_the_shared_library_concerns_every_checkout(root: Path) -> None:
    shop = Workshop(root, {"a": "source", "b": "reference"})
    shop.run()
    shop.builder.built.clear()
    (shop.settings.workspace / "rofecare-common").mkdir()
    (shop.settings.workspace / "rofecare-common" / "Common.java").touch()
    shop.run()
    assert [names for names, _ in shop.builder.built] == [("a",)]


def test_an_image_that_somebody_replaced_is_built_again(root: Path) -> None:
    shop = Workshop(root, {"a": "reference"})
    shop.run()
    shop.engine.images["rofecare/a:reference"] = Image("sha256:of-somebody-else")
    _, report = shop.run()
    assert report.built == ("rofecare/a:reference",)


def test_one_that_fails_does_not_stop_the_others(root: Path) -> None:
    shop = Workshop(root, {"a": "source", "b": "source", "c": "source"})
    events, report = shop.run(broken=("b",))
    assert report.summary == "applications: 2 built, 0 up to date, 1 failed"
    tail = report.failed["rofecare/b:source"]
    assert tail == ("#9 [ERROR] cannot find symbol", " > [build 4/4] RUN mvn package:", "failed to solve")
    assert [event.outcome for event in events if isinstance(event, ImageDone)] == ["built", "failed", "built"]


def test_a_batch_that_fails_is_tried_one_by_one(root: Path) -> None:
    shop = Workshop(root, {"a": "reference", "b": "reference", "c": "reference"})
    _, report = shop.run(broken=("b",))
    assert [names for names, _ in shop.builder.built] == [("a", "b", "c"), ("a",), ("b",), ("c",)]
    assert (len(report.built), list(report.failed)) == (2, ["rofecare/b:reference"])


def test_one_that_failed_is_tried_again_the_next_time(root: Path) -> None:
    shop = Workshop(root, {"a": "source"})
    shop.run(broken=("a",))
    _, report = shop.run()
    assert report.built == ("rofecare/a:source",)


def test_only_those_that_are_named(root: Path) -> None:
    shop = Workshop(root, {"a": "source", "b": "source"})
    shop.run(["b"])
    assert [names for names, _ in shop.builder.built] == [("b",)]


def test_what_comes_from_a_registry_is_not_built(root: Path) -> None:
    shop = Workshop(root, {"a": "registry", "b": "chosen"})
    _, report = shop.run()
    assert shop.builder.built == []
    assert report == BuildReport()


def test_what_our_own_build_files_have_to_say_is_told(root: Path) -> None:
    shop = Workshop(root, {"a": "reference"})
    said = "#12 3.1 rofecare: a: training failed, the image has no archive\n#7 RUN echo 'rofecare: x'\n"
    events, _ = shop.run(said=said)
    assert [event for event in events if isinstance(event, Note)] == [
        Note("a: training failed, the image has no archive")
    ]


def packaged(root: Path) -> tuple[Workshop, dict[str, object]]:
    shop = Workshop(root, {"a": "reference"}, infrastructure="packages")
    definition = {"context": str(root / "docker" / "reference")}
    foundations = (
        replace(service("maven-image"), image="rofecare/maven:21", build=definition, depends_on=("java-image",)),
        replace(service("java-image"), image="rofecare/java:21", build=definition),
    )
    shop.engine.images["rofecare/base:trixie"] = Image("sha256:base")
    return shop, {"foundations": foundations}


def test_in_packages_mode_what_the_others_stand_on_comes_first(root: Path) -> None:
    shop, change = packaged(root)
    shop.run(**change)
    assert [names for names, _ in shop.builder.built] == [("java-image",), ("maven-image",), ("a",)]
    shop.builder.built.clear()
    _, report = shop.run(**change)
    assert shop.builder.built == []
    assert report.current == ("rofecare/a:reference",)


def test_another_foundation_makes_other_images(root: Path) -> None:
    shop, change = packaged(root)
    shop.run(**change)
    shop.builder.built.clear()
    shop.engine.images["rofecare/base:trixie"] = Image("sha256:newer")
    shop.run(**change)
    assert [names for names, _ in shop.builder.built] == [("java-image",), ("maven-image",), ("a",)]


def test_a_foundation_that_fails_ends_it(root: Path) -> None:
    shop, change = packaged(root)
    with pytest.raises(CommandError, match=r"image rofecare/java:21 cannot be built"):
        shop.run(broken=("java-image",), **change)


def test_what_is_missing_is_what_is_built_here_and_not_there(root: Path) -> None:
    shop = Workshop(root, {"a": "source", "b": "registry", "c": "reference"})
    shop.engine.images["rofecare/c:reference"] = Image("sha256:1")
    sources = Sources(shop.builder, shop.builder.upstream, "registry", shop.origins, ())
    assert missing(sources, shop.engine.image, shop.builder.upstream.services) == ("a",)


def test_base_images_with_a_recorded_digest_are_pulled_by_it_before_the_build(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Workshop(root, {"a": "source"})
    (a,) = shop.builder.upstream.services
    given = {"JAVA_IMAGE": "temurin:21", "MAVEN_IMAGE": "maven:3", "LOCAL_IMAGE": "here:1", "APPLICATION": "a"}
    shop.builder = replace(
        shop.builder, upstream=Platform("rofecare", (replace(a, build={**(a.build or {}), "args": given}),))
    )
    digest = f"sha256:{'1' * 64}"
    lock = {"temurin:21": digest, "here:1": digest, "maven:3": None}
    (root / "docker" / "images.lock").write_text(json.dumps(lock))
    shop.engine.images["here:1"] = Image("sha256:here")
    pulled: list[str] = []

    def pull(image: str, _whose: str, _clock: object) -> list[Event]:
        assert shop.builder.built == []
        pulled.append(image)
        shop.engine.images[image] = Image("sha256:java", digests=(f"temurin@{digest}",))
        return []

    monkeypatch.setattr(FETCH, "pull", pull)
    shop.run()
    assert pulled == [f"temurin@{digest}"]
    assert shop.engine.images["temurin:21"].id == "sha256:java"
    assert len(shop.builder.built) == 1
    shop.run()
    assert len(pulled) == 1
