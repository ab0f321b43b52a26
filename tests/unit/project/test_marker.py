"""The marker of a production platform is written, replaced and removed; no interruption loses it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from rofecare_infra.errors import CommandError, SettingsError
from rofecare_infra.project import marker
from rofecare_infra.project.marker import Marker
from tests.support.fakes import FakeEngine

HOSPITAL = Marker("hospital", Path("/var/lib/rofecare/hospital"), "0b29")
MOVED = Marker("hospital", Path("/srv/rofecare"), "0b29")


class Interrupted(FakeEngine):
    """An engine that fails after a number of changes."""

    def __init__(self, changes: int) -> None:
        super().__init__()
        self.left = changes

    def label_volume(self, name: str, labels: Mapping[str, str]) -> Mapping[str, str]:
        self._count()
        return super().label_volume(name, labels)

    def remove_volume(self, name: str) -> None:
        self._count()
        super().remove_volume(name)

    def _count(self) -> None:
        if not self.left:
            raise CommandError("the container engine refused a request")
        self.left -= 1


def test_it_is_read_as_it_was_written() -> None:
    engine = FakeEngine()
    assert marker.read(engine, "hospital") is None
    marker.write(engine, HOSPITAL)
    assert marker.read(engine, "hospital") == HOSPITAL
    assert marker.read(engine, "hospital2") is None
    assert engine.labels == {
        "hospital_platform": {
            "com.rofecare.marker": "hospital",
            "com.rofecare.mode": "production",
            "com.rofecare.state": "/var/lib/rofecare/hospital",
            "com.rofecare.platform": "0b29",
        }
    }


def test_it_is_no_data_volume() -> None:
    engine = FakeEngine()
    marker.write(engine, HOSPITAL)
    assert engine.volumes("hospital") == ()


def test_it_is_replaced() -> None:
    engine = FakeEngine()
    marker.write(engine, HOSPITAL)
    marker.write(engine, MOVED)
    assert marker.read(engine, "hospital") == MOVED
    assert list(engine.labels) == ["hospital_platform"]


def test_the_same_marker_is_left_alone() -> None:
    engine = Interrupted(5)
    marker.write(engine, HOSPITAL)
    before = engine.left
    marker.write(engine, HOSPITAL)
    assert engine.left == before


@pytest.mark.parametrize("changes", range(4))
def test_an_interrupted_replacement_leaves_one_of_the_two(changes: int) -> None:
    engine = Interrupted(99)
    marker.write(engine, HOSPITAL)
    engine.left = changes
    with pytest.raises(CommandError):
        marker.write(engine, MOVED)
    assert marker.read(engine, "hospital") in {HOSPITAL, MOVED}
    engine.left = 99
    marker.write(engine, MOVED)
    assert marker.read(engine, "hospital") == MOVED
    assert list(engine.labels) == ["hospital_platform"]


@pytest.mark.parametrize("changes", range(4))
def test_it_is_removed_with_what_an_interruption_left(changes: int) -> None:
    engine = Interrupted(99)
    marker.write(engine, HOSPITAL)
    engine.left = changes
    with pytest.raises(CommandError):
        marker.write(engine, MOVED)
    engine.left = 99
    marker.remove(engine, "hospital")
    assert engine.labels == {}


def test_a_volume_of_the_same_name_is_refused_and_kept() -> None:
    engine = FakeEngine()
    engine.labels["hospital_platform"] = {"com.example": "x"}
    with pytest.raises(SettingsError, match="cannot be written"):
        marker.write(engine, HOSPITAL)
    assert engine.labels == {"hospital_platform": {"com.example": "x"}}


@pytest.mark.parametrize("state", ["", "relative/path"])
def test_one_that_cannot_be_used(state: str) -> None:
    engine = FakeEngine()
    engine.labels["hospital_platform"] = {
        "com.rofecare.marker": "hospital",
        "com.rofecare.mode": "production",
        "com.rofecare.state": state,
    }
    with pytest.raises(SettingsError, match="cannot be used"):
        marker.read(engine, "hospital")
