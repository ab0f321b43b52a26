"""The lock file of the upstream images, and the file of the site for its mirror."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rofecare_infra.errors import SettingsError, UsageError
from rofecare_infra.images.lockfile import FILE, MIRROR_FILE, Lockfile, read, save
from rofecare_infra.settings import Settings
from tests.support.fakes import settings

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
EXPORTER = "quay.io/prometheuscommunity/postgres-exporter:v0.17.1"


def site(root: Path, **values: str) -> Settings:
    (root / "docker").mkdir()
    content = {"postgres:17.11-trixie": ONE, "redis:8.2.9": None, EXPORTER: ONE}
    (root / "docker" / FILE).write_text(json.dumps(content))
    return settings(root, **values)


def test_an_image_is_pinned_by_its_upstream_name(tmp_path: Path) -> None:
    lock = read(site(tmp_path))
    assert lock.pinned("postgres:17.11-trixie") == f"postgres@{ONE}"
    assert lock.pinned(EXPORTER) == f"quay.io/prometheuscommunity/postgres-exporter@{ONE}"
    assert [
        lock.pinned(one) for one in ("redis:8.2.9", "postgres:17.12-trixie", "mirror:5000/postgres:17.11-trixie")
    ] == [""] * 3


def test_a_mirror_has_the_same_digests_under_its_own_names(tmp_path: Path) -> None:
    lock = read(site(tmp_path, IMAGE_PREFIX="mirror:5000/"))
    assert lock.pinned("mirror:5000/postgres:17.11-trixie") == f"mirror:5000/postgres@{ONE}"
    there = "mirror:5000/prometheuscommunity/postgres-exporter"
    assert lock.pinned(f"{there}:v0.17.1") == f"{there}@{ONE}"


def test_the_digests_of_a_mirror_are_recorded_for_the_site_alone(tmp_path: Path) -> None:
    mirrored = site(tmp_path, IMAGE_PREFIX="mirror:5000")
    before = (tmp_path / "docker" / FILE).read_text()
    looked_up = {"postgres:17.11-trixie": TWO}
    assert save(mirrored, tmp_path / "docker", looked_up) == ("postgres:17.11-trixie",)
    assert (tmp_path / "docker" / FILE).read_text() == before
    assert json.loads((mirrored.state_folder / MIRROR_FILE).read_text()) == looked_up
    assert read(mirrored).pinned("mirror:5000/postgres:17.11-trixie") == f"mirror:5000/postgres@{TWO}"
    assert read(mirrored).digest_of("mirror:5000/prometheuscommunity/postgres-exporter:v0.17.1") == ONE
    assert read(settings(tmp_path)).digest_of("postgres:17.11-trixie") == ONE


def test_digests_are_written_sorted_and_named(tmp_path: Path) -> None:
    here = site(tmp_path)
    changed = save(here, here.docker_folder, {"redis:8.2.9": TWO, "postgres:17.11-trixie": ONE})
    assert changed == ("redis:8.2.9",)
    text = (here.docker_folder / FILE).read_text()
    assert json.loads(text) == {"postgres:17.11-trixie": ONE, EXPORTER: ONE, "redis:8.2.9": TWO}
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    assert save(here, here.docker_folder, {"redis:8.2.9": TWO}) == ()


def test_the_lock_file_of_a_release_is_not_changed(tmp_path: Path) -> None:
    release = site(tmp_path)
    (tmp_path / "release.json").write_text("{}")
    assert release.is_release
    with pytest.raises(UsageError) as caught:
        save(release, release.docker_folder, {"redis:8.2.9": TWO})
    assert caught.value.next_step == "in a checkout: inv outdated --write, then inv upgrade"
    assert read(release).digest_of("redis:8.2.9") is None


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    here = site(tmp_path)
    # Also for root, who may write into every folder.
    with pytest.raises(SettingsError, match=f"{FILE} cannot be written"):
        save(here, Path("/proc/rofecare/docker"), {"redis:8.2.9": TWO})


def test_without_a_file_nothing_is_pinned(tmp_path: Path) -> None:
    assert read(settings(tmp_path, IMAGE_PREFIX="mirror/")) == Lockfile({}, "mirror/")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("{", "no JSON"),
        ("[]", "JSON, but list"),
        ('{"redis:8": "sha256:12"}', "redis:8: 'sha256:12'"),
        ('{"redis:8": 5}', "redis:8: 5"),
    ],
)
def test_an_unusable_file_is_named(tmp_path: Path, text: str, seen: str) -> None:
    here = site(tmp_path)
    (here.docker_folder / FILE).write_text(text)
    with pytest.raises(SettingsError) as caught:
        read(here)
    assert str(here.docker_folder / FILE) in caught.value.what
    assert caught.value.seen.startswith(seen)


def test_what_was_not_compared_is_named_once(tmp_path: Path) -> None:
    lock = read(site(tmp_path))
    assert lock.remarks(["postgres:17.11-trixie"]) == ()
    assert lock.remarks(["redis:8.2.9", "mine:1", "other:2", "postgres:17.11-trixie"]) == (
        "not compared after the pull: redis:8.2.9 (docker/images.lock has no digest yet: inv outdated --write)",
        "not compared after the pull: mine:1, other:2 (not in docker/images.lock)",
    )
