"""Which images are listed, and what happens where none can be."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.images import sbom
from rofecare_infra.platform import Platform
from tests.support.fakes import FakeEngine, drain, service

PLATFORM = Platform(
    "rofecare",
    (
        replace(service("kafka"), image="rofecare/kafka:3.9.1"),
        replace(service("zookeeper"), image="rofecare/kafka:3.9.1"),
        replace(service("rofecare-service-patient"), image="rofecare/rofecare-service-patient:reference"),
    ),
)


def test_by_default_each_image_of_the_platform_once() -> None:
    assert sbom.users([], PLATFORM) == {
        "rofecare/kafka:3.9.1": ("kafka", "zookeeper"),
        "rofecare/rofecare-service-patient:reference": ("rofecare-service-patient",),
    }


def test_services_and_images_are_named_together() -> None:
    assert sbom.users(["patient", "postgres:17", "rofecare/kafka:3.9.1"], PLATFORM) == {
        "rofecare/rofecare-service-patient:reference": ("rofecare-service-patient",),
        "postgres:17": (),
        "rofecare/kafka:3.9.1": ("kafka", "zookeeper"),
    }


def test_an_unknown_service_is_refused_with_similar_names() -> None:
    with pytest.raises(UsageError, match="no service is called 'pacient'") as caught:
        sbom.users(["pacient"], PLATFORM)
    assert "patient" in caught.value.expected


@pytest.mark.parametrize("wanted", [{"redis:8": ()}, {}])
def test_nothing_is_written_without_an_image(wanted: dict[str, tuple[str, ...]], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no image to list") as caught:
        drain(sbom.write("rofecare", FakeEngine(), wanted, tmp_path / "sbom", 0.0))
    assert ("redis:8" in caught.value.seen) == bool(wanted)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("failing", ["create", "export", ""])
def test_the_container_is_removed_whatever_happens(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []

    def fail_at(words: Sequence[str]) -> None:
        calls.append(list(words))
        if words[1] == failing:
            raise KeyboardInterrupt

    def run(argv: Sequence[str], **_: object) -> None:
        fail_at(argv)

    @contextmanager
    def reading(argv: Sequence[str]) -> Iterator[io.BytesIO]:
        fail_at(argv)
        yield io.BytesIO(bytes(10240))

    monkeypatch.setattr(sbom, "run", run)
    monkeypatch.setattr(sbom, "reading", reading)
    steps = sbom.write("rofecare", FakeEngine(images=["redis:8"]), {"redis:8": ("redis",)}, tmp_path, 0.0)
    with pytest.raises(KeyboardInterrupt) if failing else nullcontext():
        drain(steps)
    created = next(words for words in calls if words[1] == "create")
    name = created[created.index("--name") + 1]
    assert "--pull" in created
    assert calls[-1] == ["docker", "rm", "--force", "--volumes", name]
    assert [path.name for path in tmp_path.iterdir()] == ([] if failing else ["redis_8.cdx.json"])


def test_an_export_that_is_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "run", lambda *_, **__: None)
    monkeypatch.setattr(sbom, "reading", lambda _: nullcontext(io.BytesIO(b"half of an archive")))
    steps = sbom.write("rofecare", FakeEngine(images=["redis:8"]), {"redis:8": ()}, tmp_path, 0.0)
    with pytest.raises(CommandError, match="the image redis:8 cannot be read"):
        drain(steps)


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "run", lambda *_, **__: None)
    monkeypatch.setattr(sbom, "reading", lambda _: nullcontext(io.BytesIO(bytes(10240))))
    (tmp_path / "file").write_text("")
    steps = sbom.write("rofecare", FakeEngine(images=["redis:8"]), {"redis:8": ()}, tmp_path / "file" / "sbom", 0.0)
    with pytest.raises(CommandError, match="the SBOM cannot be written"):
        drain(steps)


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("rofecare/redis:8", "rofecare_redis_8.cdx.json"),
        ("mirror.example:5000/a/b@sha256:12", "mirror.example_5000_a_b_sha256_12.cdx.json"),
        ("cp-kafka", "cp-kafka.cdx.json"),
    ],
)
def test_the_file_of_an_image(image: str, name: str) -> None:
    assert sbom.file_name(image) == name
