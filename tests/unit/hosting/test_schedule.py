"""A backup every day: by a timer where systemd runs, else by cron."""

from __future__ import annotations

import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rofecare_infra.errors import SettingsError, UsageError
from rofecare_infra.hosting import Inherited, Systemd, Unit, schedule
from rofecare_infra.settings import Settings


@pytest.fixture
def places(tmp_path: Path) -> schedule.Places:
    for name in ("units", "cron"):
        (tmp_path / name).mkdir()
    return schedule.Places(tmp_path / "systemd", tmp_path / "units", tmp_path / "cron")


JOB = schedule.Job(["/opt/with space/inv", "backup"], "02:05", "operator")
HOOK = 'https://hooks.example/T?k=ab$ec`re"t\\9'
GIVEN = Inherited({"BACKUP_DIR": '/mnt/100% of "it" \\ $HOME', "IMAGES": ""}, {"ALERT_WEBHOOK": HOOK})


def test_a_timer_where_systemd_runs_else_cron_and_each_once(places: schedule.Places, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "checkout", {})
    for _ in range(2):
        done = schedule.schedule(settings, JOB, places)
    assert [path.name for path in done.files] == ["rofecare-backup-rofecare"]
    assert "\n5 2 * * * operator cd " in done.texts[0]
    assert "'/opt/with space/inv' backup" in done.texts[0]
    places.systemd.mkdir()
    done = schedule.schedule(settings, replace(JOB, time="23:59"), places)
    assert "OnCalendar=*-*-* 23:59:00" in (places.units / "rofecare-backup-rofecare.timer").read_text()
    unit = (places.units / "rofecare-backup-rofecare.service").read_text()
    assert 'ExecStart="/opt/with space/inv" "backup"' in unit
    assert "\nAfter=docker.service rofecare.service\n" in unit
    assert "\nUser=operator\n" in unit
    # What was there before would be a second backup every day.
    assert list(places.cron.iterdir()) == []
    assert len(schedule.remove(settings, places).files) == 2
    assert schedule.remove(settings, places).files == ()


@pytest.mark.parametrize("time", ["", "2:30", "24:00", "02:60", "02:30:00", "noon"])
def test_what_is_no_time_of_day_is_refused(places: schedule.Places, tmp_path: Path, time: str) -> None:
    with pytest.raises(UsageError):
        schedule.schedule(Settings(tmp_path, {}), replace(JOB, time=time), places)


def test_variables_in_units_and_the_secret_ones_in_a_file_of_root(places: schedule.Places, tmp_path: Path) -> None:
    places.systemd.mkdir()
    settings = Settings(tmp_path, {})
    done = schedule.schedule(settings, replace(JOB, given=GIVEN), places)
    unit = (places.units / "rofecare-backup-rofecare.service").read_text()
    assert (
        '\nEnvironment="BACKUP_DIR=/mnt/100%% of \\"it\\" \\\\ $HOME"\nEnvironment="COMPOSE_PROJECT_NAME=rofecare"\n'
        in unit
    )
    secrets = places.units / "rofecare-backup-rofecare.env"
    assert f"\nEnvironmentFile={secrets}\n" in unit
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert "hooks" not in "".join(done.texts)
    if shutil.which("systemd-analyze") is not None:
        runnable = unit.replace("/opt/with space/inv", "/bin/true")
        assert Systemd().complaints(Unit("rofecare-backup-rofecare.service", runnable)) == ()
    # A later call without them drops them.
    schedule.schedule(settings, JOB, places)
    assert not secrets.exists()
    assert "BACKUP_DIR" not in (places.units / "rofecare-backup-rofecare.service").read_text()


def test_a_value_in_the_file_of_root_is_read_as_it_was() -> None:
    """By a shell, whose rules for double quotes systemd uses."""
    script = GIVEN.environment_file() + 'printf %s "$ALERT_WEBHOOK"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == HOOK


def test_variables_in_a_cron_file(places: schedule.Places, tmp_path: Path) -> None:
    settings = Settings(tmp_path, {})
    given = Inherited({"BACKUP_DIR": "/mnt/100% of 'it'"}, {"ALERT_WEBHOOK": 'a"b'})
    done = schedule.schedule(settings, replace(JOB, given=given), places)
    path = places.cron / "rofecare-backup-rofecare"
    assert "\nALERT_WEBHOOK='a\"b'\nBACKUP_DIR=\"/mnt/100% of 'it'\"\nCOMPOSE_PROJECT_NAME=" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert '\nALERT_WEBHOOK="***"\n' in done.texts[0]
    schedule.schedule(settings, JOB, places)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    for value in ("both \"of' them", "two\nlines"):
        with pytest.raises(SettingsError, match="BACKUP_DIR cannot be written into a cron file"):
            schedule.schedule(settings, replace(JOB, given=Inherited({"BACKUP_DIR": value})), places)
    # The previous schedule stays.
    assert path.exists()
