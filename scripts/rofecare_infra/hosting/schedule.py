"""Daily backups: a systemd timer where systemd runs, otherwise a cron entry."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.hosting.unit import command_word, home_of, quoted, specifiers, unit_folder
from rofecare_infra.process import run
from rofecare_infra.settings import Settings

_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_SYSTEMD = Path("/run/systemd/system")
_CRON = Path("/etc/cron.d")


@dataclass(frozen=True)
class Places:
    """The folders of systemd and cron; tests pass their own."""

    systemd: Path = _SYSTEMD
    units: Path = field(default_factory=unit_folder)
    cron: Path = _CRON

    @property
    def has_systemd(self) -> bool:
        """Whether systemd is the init system."""
        return self.systemd.is_dir()


@dataclass(frozen=True)
class Scheduled:
    """The files that were written or removed."""

    files: tuple[Path, ...]
    texts: tuple[str, ...]


def units(settings: Settings, command: Sequence[str], time: str) -> dict[str, str]:
    """The two units of a timer: file name -> text."""
    name = f"rofecare-backup-{settings.project}"
    words = " ".join(map(command_word, command))
    service = f"""\
# Written by `inv schedule-backups`, removed by `inv schedule-backups --remove`.
[Unit]
Description=Backup of the platform {settings.project}
# Only one of them can change the platform: the backup waits for a start at boot, and ends before a stop at shutdown.
After=docker.service {settings.project}.service
RequiresMountsFor={quoted(str(home_of(settings)))} {quoted(str(settings.backup_folder))}

[Service]
Type=oneshot
WorkingDirectory={specifiers(str(home_of(settings)))}
Environment=COMPOSE_PROJECT_NAME={settings.project}
ExecStart={words}
# Asked to stop, the command stops its own children.
KillMode=mixed
"""
    timer = f"""\
# Written by `inv schedule-backups`, removed by `inv schedule-backups --remove`.
[Unit]
Description=Daily backup of the platform {settings.project}

[Timer]
OnCalendar=*-*-* {time}:00
# A machine that was off at that time takes the backup after its start.
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}.timer": timer}


def cron_line(settings: Settings, command: Sequence[str], time: str, path: str) -> dict[str, str]:
    """The cron file: file name (without a dot: cron ignores others) -> text."""
    hour, minute = time.split(":")
    log = shlex.quote(str(settings.state_folder / "backup.log"))
    # cron reads a percent sign as a line break.
    words = f"cd {shlex.quote(str(home_of(settings)))} && {shlex.join(command)} >> {log} 2>&1".replace("%", "\\%")
    text = f"""\
# Written by `inv schedule-backups`, removed by `inv schedule-backups --remove`.
PATH={path}
COMPOSE_PROJECT_NAME={settings.project}
{int(minute)} {int(hour)} * * * root {words}
"""
    return {f"rofecare-backup-{settings.project}": text}


def schedule(settings: Settings, command: Sequence[str], time: str, places: Places | None = None) -> Scheduled:
    """Take a backup every day at this time (HH:MM); a previous schedule is replaced."""
    where = places or Places()
    if not _TIME.fullmatch(time):
        raise UsageError(
            f"{time!r} is not a time of day",
            seen=time,
            expected="HH:MM, 00:00 to 23:59",
            next_step="inv schedule-backups --time 02:30",
        )
    remove(settings, where)
    if where.has_systemd:
        folder, files = where.units, units(settings, command, time)
    else:
        folder, files = where.cron, cron_line(settings, command, time, os.environ.get("PATH", "/usr/bin:/bin"))
        state.make_folder(settings.state_folder)
    written = tuple(_write(folder / name, text) for name, text in files.items())
    if where.has_systemd:
        _systemctl(where, "daemon-reload")
        _systemctl(where, "enable", "--now", f"rofecare-backup-{settings.project}.timer")
    return Scheduled(written, tuple(files.values()))


def remove(settings: Settings, places: Places | None = None) -> Scheduled:
    """Remove the schedule."""
    where = places or Places()
    name = f"rofecare-backup-{settings.project}"
    found = [where.units / f"{name}.timer", where.units / f"{name}.service", where.cron / name]
    there = tuple(path for path in found if path.exists())
    if there and where.has_systemd and found[0] in there:
        _systemctl(where, "disable", "--now", f"{name}.timer")
    try:
        for path in there:
            path.unlink()
    except OSError as error:
        raise _refused(Path(error.filename or where.cron), error) from error
    if there and where.has_systemd:
        _systemctl(where, "daemon-reload")
    return Scheduled(there, ())


def _systemctl(where: Places, *words: str) -> None:
    if where.systemd == _SYSTEMD:
        run(["systemctl", *words], timeout=60)


def _write(path: Path, text: str) -> Path:
    try:
        state.replace(path, text, mode=0o644)
    except OSError as error:
        raise _refused(path, error) from error
    return path


def _refused(path: Path, error: OSError) -> CommandError:
    return CommandError(
        "the backups cannot be scheduled",
        seen=f"{path}: {error.strerror}",
        expected="a machine with systemd or cron, and a user with write permission",
        next_step="as root: inv schedule-backups; without cron: apt-get install cron",
    )
