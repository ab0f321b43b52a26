"""A backup every day: by a timer where systemd runs, else by cron."""

from __future__ import annotations

from pathlib import Path

import pytest

from rofecare_infra.errors import UsageError
from rofecare_infra.hosting import schedule
from rofecare_infra.settings import Settings


@pytest.fixture
def places(tmp_path: Path) -> schedule.Places:
    for name in ("units", "cron"):
        (tmp_path / name).mkdir()
    return schedule.Places(tmp_path / "systemd", tmp_path / "units", tmp_path / "cron")


COMMAND = ["/opt/with space/inv", "backup"]


def test_a_timer_where_systemd_runs_else_cron_and_each_once(places: schedule.Places, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "checkout", {})
    for _ in range(2):
        done = schedule.schedule(settings, COMMAND, "02:05", places)
    assert [path.name for path in done.files] == ["rofecare-backup-rofecare"]
    assert "\n5 2 * * * root cd " in done.texts[0]
    assert "'/opt/with space/inv' backup" in done.texts[0]
    places.systemd.mkdir()
    done = schedule.schedule(settings, COMMAND, "23:59", places)
    assert "OnCalendar=*-*-* 23:59:00" in (places.units / "rofecare-backup-rofecare.timer").read_text()
    unit = (places.units / "rofecare-backup-rofecare.service").read_text()
    assert 'ExecStart="/opt/with space/inv" "backup"' in unit
    assert "\nAfter=docker.service rofecare.service\n" in unit
    # What was there before would be a second backup every day.
    assert list(places.cron.iterdir()) == []
    assert len(schedule.remove(settings, places).files) == 2
    assert schedule.remove(settings, places).files == ()


@pytest.mark.parametrize("time", ["", "2:30", "24:00", "02:60", "02:30:00", "noon"])
def test_what_is_no_time_of_day_is_refused(places: schedule.Places, tmp_path: Path, time: str) -> None:
    with pytest.raises(UsageError):
        schedule.schedule(Settings(tmp_path, {}), COMMAND, time, places)
