"""Installs and removes the unit: only one that this command wrote, and only where systemd runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import process, state
from rofecare_infra.errors import CommandError
from rofecare_infra.hosting.unit import MARK, Unit, environment_file, unit_folder
from rofecare_infra.progress import Event, Note

# The time limit of systemctl and systemd-analyze, in seconds.
_LIMIT = 60


@dataclass(frozen=True)
class Systemd:
    """The service manager of this machine."""

    folder: Path = field(default_factory=unit_folder)
    # Exists while systemd is the init system (see sd_booted).
    sign_of_life: Path = Path("/run/systemd/system")

    @property
    def runs(self) -> bool:
        """Whether systemd is the init system of this machine."""
        return self.sign_of_life.is_dir()

    def control(self, *words: str) -> None:
        """Run systemctl. Raises CommandError when it fails."""
        process.run(["systemctl", *words], timeout=_LIMIT)

    def complaints(self, unit: Unit, *, beside: Path | None = None) -> tuple[str, ...]:
        """The errors that systemd-analyze reports for the unit; none where the program is not installed.

        `beside` is a unit that is checked together with it, for a machine that lacks a unit that ours requires.
        """
        program = shutil.which("systemd-analyze")
        if program is None:
            return ()
        with tempfile.TemporaryDirectory(prefix="rofecare-unit-") as folder:
            path = Path(folder) / unit.name
            path.write_text(unit.text, encoding="utf-8")
            others = [str(beside)] if beside is not None else []
            result = process.run([program, "verify", *others, str(path)], timeout=_LIMIT, check=False)
        # It exits with 0 also when it ignores a setting; reports about other units do not count.
        mine = [line for line in result.tail() if unit.name in line]
        return tuple(mine) or (() if result.ok else result.tail())


def install(unit: Unit, systemd: Systemd, again: str) -> Generator[Event, None, Path]:
    """Write the unit and enable it at boot; return its path. `again` is the command as typed.

    Raises CommandError, and changes nothing, where systemd does not run, where the file cannot be written, where a
    unit of this name was not written by this command, and where systemd reports errors.
    """
    path = systemd.folder / unit.name
    if not systemd.runs:
        raise CommandError(
            "the platform cannot be made a service of this machine",
            seen="systemd does not run here",
            expected="a machine with systemd as its init system",
            next_step="run `inv start-all` from your init system at boot; for a machine with systemd the unit is below",
            details=[f"--- {path}", *unit.text.splitlines()],
        )
    _check_ours(path)
    complaints = systemd.complaints(unit)
    if complaints:
        raise CommandError(
            f"systemd does not accept {unit.name}",
            seen=complaints[0],
            expected="a unit without errors in systemd-analyze verify",
            next_step="correct what it names, then run the same command again",
            details=complaints[1:],
        )
    secrets = environment_file(path)
    if _read(path) == unit.text and (_read(secrets) or "") == unit.secrets:
        yield Note(f"{path} is up to date")
    else:
        if unit.secrets:
            # A unit is readable for every user, also by systemctl.
            _write(secrets, unit.secrets, again, mode=0o600)
        _write(path, unit.text, again)
        if not unit.secrets:
            _unlink(secrets, again)
        yield Note(f"{path} written")
    systemd.control("daemon-reload")
    systemd.control("enable", unit.name)
    yield Note(f"{unit.name} starts when this machine boots")
    return path


def remove(name: str, systemd: Systemd, again: str) -> Generator[Event, None, bool]:
    """Remove the unit; return whether there was one. Running containers are not affected."""
    path = systemd.folder / name
    if _read(path) is None:
        return False
    _check_ours(path)
    if systemd.runs:
        _check_writable(path, again)
        systemd.control("disable", name)
    for one in (path, environment_file(path)):
        _unlink(one, again)
    if systemd.runs:
        systemd.control("daemon-reload")
    yield Note(f"{path} removed")
    return True


def _check_ours(path: Path) -> None:
    text = _read(path)
    if text is not None and MARK not in text:
        raise CommandError(
            f"{path.name} exists already, and is not ours",
            seen=f"{path} was not written by `inv install-service`",
            expected="no unit of this name, or one that this command wrote",
            next_step=f"move {path} away, or give the platform another COMPOSE_PROJECT_NAME",
        )


def _check_writable(path: Path, again: str) -> None:
    if not os.access(path.parent, os.W_OK):
        raise _refused(path, "no permission", again)


def _unlink(path: Path, again: str) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error.strerror or str(error), again) from error


def _write(path: Path, text: str, again: str, *, mode: int = 0o644) -> None:
    """Replace the file atomically: after a power cut the machine boots with the old unit or the new one."""
    try:
        state.replace(path, text, mode=mode)
    except OSError as error:
        raise _refused(path, error.strerror or str(error), again) from error


def _refused(path: Path, why: str, again: str) -> CommandError:
    return CommandError(
        f"{path} cannot be changed",
        seen=why,
        expected="a user with permission to change the units of this machine",
        next_step=f"sudo {again}",
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except PermissionError:
        # Of root: writing it is refused, too.
        return ""
