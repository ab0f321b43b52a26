"""Three years of daily backups on two sites with one second place, whose clocks are wrong 200 times each.

What must hold is checked against the true time, which the code under test does not know.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rofecare_infra.backup import clock
from rofecare_infra.backup.retention import Keep, expired
from rofecare_infra.backup.store import Entry
from tests.support.manifests import MANIFEST

START = datetime(2026, 1, 1, 2, 30, tzinfo=UTC)
YEARS, FAULTS = 3, 200
DAY = timedelta(days=1)
KEEP = Keep(days=30, count=7)
# The schedule of a site varies by minutes.
SLACK = timedelta(hours=2)
# Marked backups stay until the clock is right, and then go two a day.
MOST = 120
Name = tuple[str, int]


def name_of(entry: Entry) -> Name:
    """What a backup is known by here, whatever its time: its platform and its sequence number."""
    assert entry.manifest is not None
    return entry.manifest.platform, entry.manifest.sequence


@dataclass
class Place:
    """A folder of backups, and what its last run knew."""

    entries: list[Entry] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    added: dict[str, int] = field(default_factory=dict)


@dataclass
class Site:
    """One platform: its clock, and the person who looks after it."""

    name: str
    dice: random.Random
    place: Place = field(default_factory=Place)
    offset: timedelta = timedelta()
    # Whether the engine and the file system have the same wrong clock.
    everywhere: bool = True
    sequence: int = 0
    refused: int = 0
    patience: int = 5
    off_until: datetime = START
    incomplete_until: datetime = START


class World:
    """Both sites, their second place, and the true time of every backup."""

    def __init__(self, seed: int) -> None:
        self.second = Place()
        self.sites = [Site(name, random.Random(f"{seed} {name}")) for name in ("a1", "b2")]  # noqa: S311 - no secret
        self.truth: dict[Name, datetime] = {}
        self.removed = self.refused = 0

    def run(self) -> None:
        days = range(365 * YEARS)
        faults = {site.name: sorted(site.dice.choices(days, k=FAULTS)) for site in self.sites}
        for day in days:
            for site in self.sites:
                for _ in range(faults[site.name].count(day)):
                    self.fault(site)
                true = START + day * DAY + timedelta(minutes=site.dice.uniform(0, 10))
                if site.dice.random() < 1 / 200:
                    site.off_until = true + site.dice.choice((3, 20, 100)) * DAY
                if site.dice.random() < 1 / 150:
                    site.incomplete_until = true + site.dice.uniform(1, 60) * DAY
                if true >= site.off_until:
                    self.back_up(site, true)

    def fault(self, site: Site) -> None:
        """The clock jumps by a second to 40 years, from what it shows or from the true time; or it is corrected."""
        seconds = math.exp(site.dice.uniform(0, math.log(40 * 365 * 86400))) * site.dice.choice((-1, 1))
        before = site.dice.choice((timedelta(), site.offset))
        site.offset = site.dice.choice((timedelta(), *3 * (before + timedelta(seconds=seconds),)))
        if abs(site.offset) > 100 * 365 * DAY:
            site.offset = timedelta()
        site.everywhere = site.dice.random() < 0.8

    def back_up(self, site: Site, true: datetime) -> None:
        now = true + site.offset
        others = now if site.everywhere else true
        plausible = [one for one in site.place.entries if not one.is_marked]
        newest = max(plausible, key=lambda one: one.order).moment if plausible else None
        accepted = site.refused >= site.patience
        if accepted:  # somebody has corrected the clock, and says so
            site.offset, now, others = timedelta(), true, true
        absurd = "" if accepted else clock.absurdity(clock.Readings(now, others, others, newest))
        site.refused = site.refused + 1 if absurd else 0
        site.patience = site.dice.randint(1, 10) if accepted else site.patience
        self.refused += bool(absurd)
        self.check_verdict(now, others, newest, accepted=accepted, absurd=bool(absurd))
        site.sequence += 1
        taken = self.entry(site, now, true, absurd)
        self.add(site.place, site, taken, now, absurd=bool(absurd))
        if site.dice.random() < 0.9:  # the second place cannot always be reached
            self.add(self.second, site, replace(taken), now, absurd=bool(absurd))
        if site.dice.random() < 1 / 7:
            self.verify(site, now)

    def check_verdict(
        self, now: datetime, others: datetime, newest: datetime | None, *, accepted: bool, absurd: bool
    ) -> None:
        apart = abs((now - others).total_seconds())
        since = (now - newest).total_seconds() if newest is not None else 0.0
        assert absurd == (not accepted and (apart > 3600 or since < -3600 or since > 90 * 86400))

    def entry(self, site: Site, now: datetime, true: datetime, absurd: str) -> Entry:
        taken = {one.id for one in (*site.place.entries, *self.second.entries)}
        while f"{now:%Y%m%dT%H%M%SZ}" in taken:
            now += timedelta(seconds=1)
        name = f"{now:%Y%m%dT%H%M%SZ}"
        self.truth[site.name, site.sequence] = true
        incomplete = {"db/shop": "no connections"} if true < site.incomplete_until else {}
        manifest = replace(
            MANIFEST, id=name, platform=site.name, sequence=site.sequence, clock=absurd, missing=incomplete
        )
        return Entry(name, Path(name), "x" if site.dice.random() < 0.03 else "", manifest)

    def verify(self, site: Site, now: datetime) -> None:
        good = [one for one in site.place.entries if one.is_good]
        for one in (max(good, key=lambda one: one.sequence), site.dice.choice(good)) if good else ():
            for place in (site.place, self.second):
                place.entries = [
                    replace(other, verified=now.isoformat()) if name_of(other) == name_of(one) else other
                    for other in place.entries
                ]

    def add(self, place: Place, site: Site, taken: Entry, now: datetime, *, absurd: bool) -> None:
        place.entries.append(taken)
        place.added[site.name] = place.added.get(site.name, 0) + 1
        before = [one if name_of(one)[0] == site.name else replace(one, foreign="other") for one in place.entries]
        gone = expired(before, KEEP, now, place.last.get(site.name))
        ids = {one.id for one in gone}
        after = [one for one in before if one.id not in ids]
        self.check(site, before, gone, after, absurd=absurd, added=place.added[site.name])
        if not absurd:
            place.last[site.name] = max(one.sequence for one in before if not one.foreign)
            place.added[site.name] = 0
        place.entries = [one for one in place.entries if one.id not in ids]
        self.removed += len(gone)

    def check(
        self,
        site: Site,
        before: list[Entry],
        gone: tuple[Entry, ...],
        after: list[Entry],
        *,
        absurd: bool,
        added: int,
    ) -> None:
        mine = [one for one in before if name_of(one)[0] == site.name]
        good = sorted(
            one.sequence for one in mine if one.manifest is not None and not one.damage and not one.manifest.missing
        )
        verified = [one.sequence for one in mine if one.sequence in good and one.verified]
        left = {one.sequence for one in after if name_of(one)[0] == site.name}
        assert set(good[-KEEP.count :]) <= left, "so many good ones stay, the newest among them"
        assert not verified or max(verified) in left, "the newest verified one stays"
        assert all(name_of(one)[0] == site.name for one in gone), "foreign ones stay"
        assert len(gone) <= added + 2, "few at a time"
        assert not (absurd and gone), "nothing while the clock is absurd"
        true = max(self.truth[site.name, one.sequence] for one in mine)
        for one in gone:
            age = true - self.truth[site.name, one.sequence]
            assert age > KEEP.days * DAY - SLACK, f"{site.name} {one.sequence} is {age} old"
        assert len(left) <= MOST, "the number is bounded"


@pytest.mark.parametrize("seed", [1])
def test_three_years_with_wrong_clocks(seed: int) -> None:
    world = World(seed)
    world.run()
    # It has done something: the clocks were absurd many times, and most backups are gone.
    assert world.refused > 100
    assert world.removed > 1000


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 150))
def test_many_times_three_years_with_wrong_clocks(seed: int) -> None:
    World(seed).run()
