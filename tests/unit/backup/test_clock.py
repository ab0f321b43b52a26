"""Whether the clock can be right, by what there is to compare it with."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rofecare_infra.backup import clock, files
from rofecare_infra.backup.clock import Readings, absurdity
from rofecare_infra.backup.store import Store
from tests.support.fakes import FakeEngine
from tests.support.manifests import KEY, MANIFEST

NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Readings(NOW), ""),
        (Readings(NOW, NOW, NOW, NOW, NOW), ""),
        (Readings(NOW, NOW - HOUR, NOW + HOUR, NOW + HOUR, NOW + HOUR), ""),
        (Readings(NOW, engine=NOW + 2 * HOUR), "container engine 2026-11-25 00:30:00 UTC"),
        (Readings(NOW, engine=NOW - 2 * HOUR), "container engine 2026-11-24 20:30:00 UTC"),
        (Readings(NOW, written=NOW - 3650 * DAY), "file system 2016-11-26 22:30:00 UTC"),
        # Earlier than the newest backup, or later than a platform can have been off.
        (Readings(NOW, newest=NOW + 2 * HOUR), "2h00m before the newest backup"),
        (Readings(NOW, newest=NOW + 3650 * DAY), "3650d00h before the newest backup"),
        (Readings(NOW, newest_written=NOW + 2 * HOUR), "2h00m before the newest backup"),
        (Readings(NOW, newest=NOW - 90 * DAY), ""),
        (Readings(NOW, newest=NOW - 91 * DAY), "91d00h after the newest backup"),
    ],
)
def test_what_is_absurd(seen: Readings, expected: str) -> None:
    assert expected in absurdity(seen)
    assert bool(expected) == bool(absurdity(seen))


def test_it_is_compared_with_the_newest_backup_that_is_not_marked(tmp_path: Path) -> None:
    store = Store(tmp_path, "rofecare", key=KEY, platform="a1")
    for number, (name, why) in enumerate((("20261124T223000Z", ""), ("20361124T223000Z", "absurd")), 1):
        draft = store.folder / "draft"
        draft.mkdir()
        written = {"f": files.write(draft / "f", b"content")}
        manifest = replace(MANIFEST, id=name, platform="a1", sequence=number, clock=why, volumes={}, files=written)
        folder = store.publish(draft, manifest, KEY).folder
        os.utime(folder / "manifest.json", (number * 1e9, number * 1e9))
    engine = FakeEngine()
    engine.now = NOW
    seen = clock.read(store.folder, store.own(), engine, NOW)
    assert (seen.now, seen.engine, seen.newest) == (NOW, NOW, NOW)
    assert seen.newest_written == datetime.fromtimestamp(1e9, UTC)
    # What was written for the comparison is gone.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["20261124T223000Z", "20361124T223000Z"]
    assert seen.written is not None
    assert abs(seen.written - datetime.now(UTC)) < HOUR
    assert clock.read(store.folder, (), engine, NOW).newest is None


def test_the_refusal_names_what_was_seen_and_the_next_command() -> None:
    error = clock.refusal("20261124T223000Z", "the clock shows 2036")
    assert error.exit_code == 8
    assert "no old backup was removed" in error.what
    assert error.seen == "the clock shows 2036"
    assert "inv backup --accept-clock" in error.next_step
