"""Daily backups: a systemd timer where systemd runs, otherwise a cron entry."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import CommandError, UsageError
from rofecare_infra.hosting.inherited import Inherited
from rofecare_infra.hosting.unit import (
    command_word,
    environment_file,
    environment_lines,
    home_of,
    quoted,
    specifiers,
    unit_folder,
)
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
    # Without secret values.
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """What is run every day."""

    command: Sequence[str]
    # Hours and minutes: 02:30.
    time: str
    # The owner of the platform: `~` and the keys of ssh are those of the user who tries the command.
    user: str
    given: Inherited = field(default_factory=Inherited)


def units(settings: Settings, job: Job, folder: Path) -> dict[str, str]:
    """The two units of a timer: file name -> text; `folder` is that of the units."""
    name = f"rofecare-backup-{settings.project}"
    words = " ".join(map(command_word, job.command))
    service = f"""\
# Written by `inv schedule-backups`, removed by `inv schedule-backups --remove`.
[Unit]
Description=Backup of the platform {settings.project}
# Only one of them can change the platform: the backup waits for a start at boot, and ends before a stop at shutdown.
After=docker.service {settings.project}.service
RequiresMountsFor={quoted(str(home_of(settings)))} {quoted(str(settings.backup_folder))}

[Service]
Type=oneshot
User={specifiers(job.user)}
WorkingDirectory={specifiers(str(home_of(settings)))}
{environment_lines(_variables(settings, job), folder / f"{name}.service")}ExecStart={words}
# Asked to stop, the command stops its own children.
KillMode=mixed
"""
    timer = f"""\
# Written by `inv schedule-backups`, removed by `inv schedule-backups --remove`.
[Unit]
Description=Daily backup of the platform {settings.project}

[Timer]
OnCalendar=*-*-* {job.time}:00
# A machine that was off at that time takes the backup after its start.
Persistent=true

[Install]
WantedBy=timers.target
"""
    return {f"{name}.service": service, f"{name}.timer": timer}


def cron_file(settings: Settings, job: Job, path: str, *, shown: bool = False) -> str:
    """The text of the cron file; without secret values if `shown`."""
    hour, minute = job.time.split(":")
    log = shlex.quote(str(settings.state_folder / "backup.log"))
    # cron reads a percent sign as a line break.
    command = f"{shlex.join(job.command)} >> {log} 2>&1"
    words = f"cd {shlex.quote(str(home_of(settings)))} && {command}".replace("%", "\\%")
    return f"""\
# Written by `inv schedule-backups`, removed by `inv schedule-backups --remove`.
PATH={path}
{_variables(settings, job).cron_lines(shown=shown)}{int(minute)} {int(hour)} * * * {job.user} {words}
"""


def schedule(settings: Settings, job: Job, places: Places | None = None) -> Scheduled:
    """Run the job every day; a previous schedule is replaced."""
    where = places or Places()
    if not _TIME.fullmatch(job.time):
        raise UsageError(
            f"{job.time!r} is not a time of day",
            seen=job.time,
            expected="HH:MM, 00:00 to 23:59",
            next_step="inv schedule-backups --time 02:30",
        )
    name = f"rofecare-backup-{settings.project}"
    if where.has_systemd:
        texts = {where.units / file: text for file, text in units(settings, job, where.units).items()}
        written, secrets = texts, job.given.environment_file()
    else:
        path = os.environ.get("PATH", "/usr/bin:/bin")
        # The name has no dot: cron ignores others.
        written = {where.cron / name: cron_file(settings, job, path)}
        texts, secrets = {where.cron / name: cron_file(settings, job, path, shown=True)}, ""
        state.make_folder(settings.state_folder)
    remove(settings, where)
    if secrets:
        # A unit is readable for every user, also by systemctl.
        _write(environment_file(where.units / f"{name}.service"), secrets, mode=0o600)
    for file, text in written.items():
        _write(file, text, mode=0o600 if text != texts[file] else 0o644)
    if where.has_systemd:
        _systemctl(where, "daemon-reload")
        _systemctl(where, "enable", "--now", f"{name}.timer")
    return Scheduled(tuple(texts), tuple(texts.values()))


def _variables(settings: Settings, job: Job) -> Inherited:
    # The name of the files is that of the project: a later change of the settings must not make it another one.
    return replace(job.given, plain={**job.given.plain, "COMPOSE_PROJECT_NAME": settings.project})


def remove(settings: Settings, places: Places | None = None) -> Scheduled:
    """Remove the schedule."""
    where = places or Places()
    name = f"rofecare-backup-{settings.project}"
    service = where.units / f"{name}.service"
    found = [where.units / f"{name}.timer", service, environment_file(service), where.cron / name]
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


def _write(path: Path, text: str, *, mode: int) -> None:
    try:
        state.replace(path, text, mode=mode)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> CommandError:
    return CommandError(
        "the backups cannot be scheduled",
        seen=f"{path}: {error.strerror}",
        expected="a machine with systemd or cron, and a user with write permission",
        next_step="as root: inv schedule-backups; without cron: apt-get install cron",
    )
