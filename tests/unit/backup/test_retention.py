"""Which backups are removed: by age and count, never the last good ones, never foreign ones, few at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rofecare_infra.backup.retention import Keep, expired
from rofecare_infra.backup.store import Entry
from tests.support.manifests import MANIFEST

NOW = datetime(2026, 11, 24, tzinfo=UTC)
KEEP = Keep(30, 7)


def entry(age: int, **more: object) -> Entry:
    """A backup of so many days ago; `more` are fields of the entry or of its manifest."""
    moment = NOW - timedelta(days=age)
    name = f"{moment:%Y%m%dT%H%M%SZ}"
    described = {key: value for key, value in more.items() if key in {"clock", "missing", "sequence"}}
    fields = {key: value for key, value in more.items() if key not in described}
    manifest = replace(MANIFEST, **{"id": name, "platform": "a1", "sequence": 1000 - age, **described})  # type: ignore[arg-type]
    return replace(Entry(name, Path(name), "", manifest), **fields)  # type: ignore[arg-type]


def days(first: int, last: int, **more: object) -> list[Entry]:
    """Daily backups from `first` to `last` days ago."""
    return [entry(age, **more) for age in range(first, last - 1, -1)]


def removed(entries: list[Entry], keep: Keep = KEEP, last: int | None = 999) -> list[int]:
    return [1000 - one.sequence for one in expired(entries, keep, NOW, last)]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([], []),
        ([entry(400)], []),
        (days(31, 0), [31]),
        (days(30, 0), []),
        # One run removes two more than were added, whatever has accumulated.
        (days(60, 0), [60, 59, 58]),
        # So many good ones stay, whatever their age.
        ([*days(46, 40), *days(0, 0, damage="x")], []),
        ([*days(46, 39), *days(0, 0, missing={"db/shop": "no connections"})], []),
        # The newest verified one stays; older ones do not.
        ([entry(60, verified="x"), *days(59, 0)], [59, 58, 57]),
        ([entry(61, verified="x"), entry(60, verified="x"), *days(59, 0)], [61, 59, 58]),
        # Damaged and incomplete ones do not count as good, and expire like others.
        ([entry(60, damage="x"), *days(31, 0)], [60, 31]),
        ([entry(32, missing={"db/shop": "no connections"}), *days(31, 0)], [32, 31]),
        (days(60, 0, damage="x"), []),
        # Foreign ones are neither counted nor removed.
        ([*days(90, 61, foreign="of another platform"), *days(46, 41)], []),
        (days(60, 0, foreign="of another platform"), []),
        # While the clock is absurd, nothing is removed.
        ([*days(60, 1), entry(0, clock="absurd")], []),
        ([*days(60, 1), entry(-3650)], []),
    ],
)
def test_what_expires(entries: list[Entry], expected: list[int]) -> None:
    assert removed(entries) == expected


def test_a_run_removes_at_most_two_more_than_were_added() -> None:
    entries = days(100, 0)
    assert len(removed(entries, last=1000)) == 2
    assert len(removed(entries, last=995)) == 5 + 2
    assert len(removed(entries, last=None)) == 1 + 2


def test_the_largest_sequence_number_is_the_newest_and_not_the_latest_time() -> None:
    ahead = entry(-3650, sequence=500, clock="absurd")
    # It is the oldest, and as old as the next one whose time is plausible.
    assert removed([*days(60, 0), ahead], Keep(30, 1)) == [500, 60, 59]


def test_a_marked_one_waits_for_the_next_plausible_time() -> None:
    marked = entry(45, clock="absurd")
    assert removed([marked, *days(31, 0)]) == [45, 31]
    assert removed([marked, *days(25, 0)]) == []


def test_a_gap_without_backups_makes_no_backup_old() -> None:
    # The machine was off for two months, or the clock is two months ahead.
    assert removed([*days(80, 60), entry(0)], Keep(30, 1)) == []
    # Weekly backups become old by weeks.
    assert removed([entry(age) for age in range(84, -1, -7)], Keep(30, 1)) == [84, 77, 70]


def test_backups_of_earlier_versions_come_first() -> None:
    earlier = [replace(one, manifest=replace(MANIFEST, id=one.id, format=1)) for one in days(50, 31)]
    assert removed([*earlier, *days(30, 0)]) == [1000, 1000, 1000]
