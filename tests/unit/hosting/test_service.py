"""Installing and removing: only what is ours, all or nothing, and nothing at all where systemd does not run."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.hosting import Systemd, Unit, install, remove
from rofecare_infra.hosting.unit import MARK
from tests.support.fakes import drain

UNIT = Unit("rofecare.service", f"{MARK}\n[Unit]\n")


@dataclass(frozen=True)
class FakeSystemd(Systemd):
    said: list[tuple[str, ...]] = field(default_factory=list)
    against: tuple[str, ...] = ()

    def control(self, *words: str) -> None:
        self.said.append(words)

    def complaints(self, unit: Unit, *, beside: Path | None = None) -> tuple[str, ...]:
        assert unit.text
        assert beside is None
        return self.against


@pytest.fixture
def systemd(tmp_path: Path) -> FakeSystemd:
    (tmp_path / "run").mkdir()
    (tmp_path / "units").mkdir()
    return FakeSystemd(tmp_path / "units", tmp_path / "run")


def test_it_is_written_and_enabled(systemd: FakeSystemd) -> None:
    _, path = drain(install(UNIT, systemd, "inv install-service"))
    assert path.read_text() == UNIT.text
    assert path.stat().st_mode & 0o777 == 0o644
    assert systemd.said == [("daemon-reload",), ("enable", "rofecare.service")]
    assert [each.name for each in systemd.folder.iterdir()] == ["rofecare.service"]


def test_a_second_time_changes_nothing(systemd: FakeSystemd) -> None:
    _, path = drain(install(UNIT, systemd, ""))
    before = path.stat().st_mtime_ns
    events, _ = drain(install(UNIT, systemd, ""))
    assert path.stat().st_mtime_ns == before
    assert "is up to date" in str(events[0])


def test_a_new_text_takes_the_place_of_an_old_one_of_ours(systemd: FakeSystemd) -> None:
    (systemd.folder / UNIT.name).write_text(f"{MARK}\nold\n")
    _, path = drain(install(UNIT, systemd, ""))
    assert path.read_text() == UNIT.text


def test_secret_variables_are_in_a_file_of_root(systemd: FakeSystemd) -> None:
    drain(install(replace(UNIT, secrets="ALERT_WEBHOOK=x\n"), systemd, ""))
    path = systemd.folder / "rofecare.env"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("ALERT_WEBHOOK=x\n", 0o600)
    drain(install(UNIT, systemd, ""))
    assert not path.exists()
    drain(install(replace(UNIT, secrets="ALERT_WEBHOOK=y\n"), systemd, ""))
    drain(remove(UNIT.name, systemd, ""))
    assert list(systemd.folder.iterdir()) == []


def test_anothers_unit_is_left_alone(systemd: FakeSystemd) -> None:
    path = systemd.folder / UNIT.name
    path.write_text("[Unit]\nDescription=not ours\n")
    for attempt in (install(UNIT, systemd, ""), remove(UNIT.name, systemd, "")):
        with pytest.raises(CommandError, match="not ours"):
            drain(attempt)
    assert "not ours" in path.read_text()
    assert systemd.said == []


def test_without_systemd_the_unit_is_shown(systemd: FakeSystemd) -> None:
    systemd.sign_of_life.rmdir()
    with pytest.raises(CommandError) as refusal:
        drain(install(UNIT, systemd, ""))
    assert "systemd does not run here" in refusal.value.seen
    assert "[Unit]" in refusal.value.details
    assert list(systemd.folder.iterdir()) == []


def test_what_systemd_would_not_understand_is_not_installed(systemd: FakeSystemd) -> None:
    wary = FakeSystemd(systemd.folder, systemd.sign_of_life, against=("rofecare.service:3: Unknown key", "more"))
    with pytest.raises(CommandError) as refusal:
        drain(install(UNIT, wary, ""))
    assert refusal.value.seen == "rofecare.service:3: Unknown key"
    assert list(systemd.folder.iterdir()) == []


def test_who_may_not_write_is_told_the_command(systemd: FakeSystemd) -> None:
    nowhere = FakeSystemd(systemd.folder / "gone", systemd.sign_of_life)
    with pytest.raises(CommandError) as refusal:
        drain(install(UNIT, nowhere, "/opt/x/inv install-service"))
    assert refusal.value.next_step == "sudo /opt/x/inv install-service"


def test_removal(systemd: FakeSystemd) -> None:
    drain(install(UNIT, systemd, ""))
    systemd.said.clear()
    assert drain(remove(UNIT.name, systemd, ""))[1] is True
    assert systemd.said == [("disable", "rofecare.service"), ("daemon-reload",)]
    assert list(systemd.folder.iterdir()) == []
    assert drain(remove(UNIT.name, systemd, ""))[1] is False
