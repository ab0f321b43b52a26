"""The identity of a platform, the newest backup, foreign backups, and the retention on real folders."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from rofecare_infra.backup import copies, files, identity, routine
from rofecare_infra.backup.key import Key
from rofecare_infra.backup.manifest import MAC, Backup
from rofecare_infra.backup.manifest import MANIFEST as MANIFEST_FILE
from rofecare_infra.backup.retention import RECORD, Keep, apply_retention
from rofecare_infra.backup.store import PARTIAL, Store
from rofecare_infra.errors import EngineError, VerificationError
from rofecare_infra.project import Project, marker
from rofecare_infra.settings import place
from tests.support.fakes import FakeEngine, drain, project_of, settings
from tests.support.manifests import KEY, MANIFEST, OTHER_KEY

T = TypeVar("T")
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "backups/rofecare", "rofecare", key=KEY, platform="a1")


def publish(store: Store, name: str, sequence: int = 0, *, key: Key = KEY, **more: object) -> Backup:
    draft = store.folder / f"{PARTIAL}x"
    draft.mkdir(parents=True)
    written = {"f": files.write(draft / "f", b"content")}
    manifest = replace(MANIFEST, id=name, platform="a1", sequence=sequence, volumes={}, files=written)
    return store.publish(draft, replace(manifest, **more), key)  # type: ignore[arg-type]


def daily(store: Store, first: int, last: int) -> list[str]:
    """Backups of `first` to `last` days ago; their names."""
    names = [f"{NOW - timedelta(days=age):%Y%m%dT%H%M%SZ}" for age in range(first, last - 1, -1)]
    for name, age in zip(names, range(first, last - 1, -1), strict=True):
        publish(store, name, 1000 - age)
    return names


def test_the_largest_sequence_number_is_the_newest(store: Store) -> None:
    publish(store, "20360101T000000Z", 7, clock="absurd")
    newest = publish(store, "20260101T000000Z", 8)
    assert [one.id for one in store.entries()] == ["20360101T000000Z", "20260101T000000Z"]
    assert store.find("") == newest.folder


def test_an_earlier_version_has_no_sequence_number_and_comes_first(store: Store) -> None:
    publish(store, "20360101T000000Z", platform="")
    newest = publish(store, "20260101T000000Z", 1)
    assert store.find("") == newest.folder


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"platform": "b2"}, "of another platform, b2"),
        ({"project": "clinic"}, "of project clinic"),
        ({"key": OTHER_KEY}, "its manifest cannot be used"),
    ],
)
def test_foreign_backups_are_listed_and_not_the_newest(store: Store, changes: dict[str, object], why: str) -> None:
    publish(store, "20200101T000000Z", 9, **changes)  # type: ignore[arg-type]
    mine = publish(store, "20260101T000000Z", 1)
    assert [(one.id, one.foreign) for one in store.entries()] == [("20200101T000000Z", why), (mine.id, "")]
    assert [one.id for one in store.own()] == [mine.id]
    assert store.find("") == mine.folder
    assert store.find("20200101T000000Z").name == "20200101T000000Z"


def test_a_renamed_backup_is_foreign(store: Store) -> None:
    folder = publish(store, "20260101T000000Z", 1).folder
    folder.rename(folder.with_name("20270101T000000Z"))
    assert store.entries()[0].foreign == "a copy of 20260101T000000Z"


def test_a_new_platform_takes_the_newest_of_the_only_other_one(store: Store) -> None:
    publish(store, "20360101T000000Z", 1)
    newest = publish(store, "20260101T000000Z", 2)
    publish(store, "20260201T000000Z", 9, project="clinic")
    other = replace(store, platform="b2")
    assert other.find("") == newest.folder
    publish(store, "20260301T000000Z", 1, platform="c3")
    with pytest.raises(VerificationError, match="not known which") as raised:
        other.find("")
    assert raised.value.seen == "backups of 2 platforms, or of an earlier version"


def test_on_a_new_platform_an_earlier_version_is_not_preferred(store: Store) -> None:
    publish(store, "20260101T000000Z", platform="")
    publish(store, "20260201T000000Z", 2)
    assert store.find("").name == "20260201T000000Z"
    with pytest.raises(VerificationError, match="not known which"):
        replace(store, platform="b2").find("")


def test_a_later_backup_that_cannot_be_read_is_not_passed_over(store: Store) -> None:
    publish(store, "20260101T000000Z", 1)
    broken = publish(store, "20260102T000000Z", 2).folder
    (broken / MAC).write_text("0" * 64 + "\n")
    with pytest.raises(VerificationError, match="not known which") as raised:
        store.find("")
    assert "20260102T000000Z" in raised.value.seen
    assert "20260101T000000Z" in raised.value.next_step


def project(root: Path, *, production: bool = False) -> Project:
    values = settings(root, BACKUP_DIR=str(root / "backups"), COMPOSE_PROJECT_NAME="rofecare")
    return replace(project_of((), FakeEngine()), settings=values, production=production)


def test_a_platform_id_is_made_once_for_each_project(tmp_path: Path) -> None:
    mine = project(tmp_path)
    assert identity.platform_id(mine) == ""
    made = identity.made_platform_id(mine)
    assert len(made) == 32
    assert identity.made_platform_id(mine) == identity.platform_id(mine) == made
    other = replace(mine, settings=settings(tmp_path, COMPOSE_PROJECT_NAME="clinic"))
    assert identity.made_platform_id(other) != made
    identity.forget(mine.settings)
    assert identity.platform_id(mine) == ""


def test_the_platform_id_of_production_is_that_of_its_marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = marker.Marker("rofecare", tmp_path, "5d7c8a4e-0000-4000-8000-000000000000")
    monkeypatch.setattr(marker, "read", lambda _engine, _project: found)
    mine = project(tmp_path, production=True)
    assert identity.made_platform_id(mine) == identity.platform_id(mine) == found.platform_id


def test_without_an_engine_the_platform_is_not_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise EngineError("the container engine does not answer")

    monkeypatch.setattr(marker, "read", fail)
    mine = project(tmp_path, production=True)
    assert identity.platform_id(mine) == ""
    with pytest.raises(EngineError):
        identity.made_platform_id(mine)


def test_sequence_numbers_grow_whatever_is_lost(tmp_path: Path) -> None:
    mine = project(tmp_path).settings
    assert [identity.next_sequence(mine, 0), identity.next_sequence(mine, 0)] == [1, 2]
    assert identity.next_sequence(mine, 40) == 41
    for content in ("", "x", "-3", "9" * 30):
        (mine.state_folder / "platform/rofecare.sequence").write_text(content)
        assert identity.next_sequence(mine, 41) == 42


def test_the_second_place_knows_the_number_where_all_else_is_lost(tmp_path: Path, store: Store) -> None:
    there = replace(store, folder=tmp_path / "there/rofecare/a1")
    for number in (7, 9):
        publish(there, f"2026010{number}T000000Z", number)
    publish(there, "20260201T000000Z", 50, platform="b2")
    assert copies.largest_sequence(place(str(tmp_path / "there")), store) == 9
    for where in (None, place(str(tmp_path / "other")), place("backup@host:/srv")):
        assert copies.largest_sequence(where, store) == 0


def test_the_retention_removes_folders_and_remembers_how_far_it_was(store: Store) -> None:
    names = daily(store, 40, 0)
    foreign = publish(store, "20200101T000000Z", 1, platform="b2").folder
    keep = Keep(30, 7)
    assert drain(apply_retention(store, keep, NOW))[1] == tuple(names[:3])
    assert drain(apply_retention(store, keep, NOW))[1] == tuple(names[3:5])
    publish(store, f"{NOW + timedelta(hours=1):%Y%m%dT%H%M%SZ}", 1001)
    assert drain(apply_retention(store, keep, NOW + timedelta(hours=1)))[1] == tuple(names[5:8])
    assert foreign.exists()
    left = sorted(path.name for path in store.folder.iterdir())
    assert left == sorted([RECORD, foreign.name, *names[8:], f"{NOW + timedelta(hours=1):%Y%m%dT%H%M%SZ}"])


def test_an_interrupted_removal_leaves_nothing_that_counts_as_a_backup(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = daily(store, 40, 0)

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", fail)
        with pytest.raises(KeyboardInterrupt):
            drain(apply_retention(store, Keep(30, 7), NOW))
    assert [one.id for one in store.entries()] == names[1:]
    assert store.clean() == (f"{PARTIAL}{names[0]}",)


@pytest.mark.parametrize("unknown", [{"key": None}, {"platform": ""}])
def test_nothing_is_removed_where_own_backups_are_not_known(store: Store, unknown: dict[str, None]) -> None:
    daily(store, 40, 0)
    assert drain(apply_retention(replace(store, **unknown), Keep(30, 7), NOW))[1] == ()  # type: ignore[arg-type]


def test_a_marked_backup_is_copied_removes_nothing_and_is_an_error(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    daily(store, 40, 1)
    marked = publish(store, "20360101T000000Z", 1000, clock="the clock shows 2036")
    mine = project(tmp_path)
    values = {**mine.settings.values, **settings(BACKUP_COPY_TO="/there").values}
    mine = replace(mine, settings=replace(mine.settings, values=values))
    sent: list[tuple[str, Keep | None]] = []

    def send(backup: Backup, _place: object, _local: Store, keep: Keep | None) -> Generator[None, None, None]:
        yield from ()
        sent.append((backup.id, keep))

    monkeypatch.setattr(copies, "send", send)
    monkeypatch.setattr("rofecare_infra.backup.routine.store_of", lambda _project: store)
    with pytest.raises(VerificationError, match="clock cannot be right") as raised:
        drain(routine.retain_and_copy(mine, marked))
    assert raised.value.exit_code == 8
    assert sent == [(marked.id, None)]
    assert len(store.folders()) == 41
    newest = publish(store, "20261124T223100Z", 1001)
    drain(routine.retain_and_copy(mine, newest))
    assert sent[-1] == (newest.id, Keep(30, 7))
    assert len(store.folders()) < 42
    assert (marked.folder / MANIFEST_FILE).exists()
