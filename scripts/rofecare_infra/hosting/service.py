"""Installs the unit, and removes it: only one that is ours, and only where systemd runs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import process, state
from rofecare_infra.errors import CommandError
from rofecare_infra.hosting.unit import MARK, Unit, unit_folder
from rofecare_infra.progress import Event, Note

# What systemctl and systemd-analyze may take, in seconds.
_LIMIT = 60


@dataclass(frozen=True)
class Systemd:
    """The service manager of this machine."""

    folder: Path = field(default_factory=unit_folder)
    # There as long as systemd is what runs the machine (sd_booted).
    sign_of_life: Path = Path("/run/systemd/system")

    @property
    def runs(self) -> bool:
        """Whether this machine is run by systemd."""
        return self.sign_of_life.is_dir()

    def control(self, *words: str) -> None:
        """Run systemctl. Raises CommandError when it fails."""
        process.run(["systemctl", *words], timeout=_LIMIT)

    def complaints(self, unit: Unit, *, beside: Path | None = None) -> tuple[str, ...]:
        """What systemd-analyze has against the unit; nothing where the program is not there.

        `beside` is a unit that is looked at with it, for a machine that lacks what ours needs.
        """
        program = shutil.which("systemd-analyze")
        if program is None:
            return ()
        with tempfile.TemporaryDirectory(prefix="rofecare-unit-") as folder:
            path = Path(folder) / unit.name
            path.write_text(unit.text, encoding="utf-8")
            others = [str(beside)] if beside is not None else []
            result = process.run([program, "verify", *others, str(path)], timeout=_LIMIT, check=False)
        # It ends with 0, too, for what it reads otherwise than it was meant; of other units it may say what it likes.
        mine = [line for line in result.tail() if unit.name in line]
        return tuple(mine) or (() if result.ok else result.tail())


def install(unit: Unit, systemd: Systemd, again: str) -> Generator[Event, None, Path]:
    """Write the unit and let it start at boot; return its path. `again` is the command that was given.

    Raises CommandError where systemd does not run the machine, where the file may not be written, where another's unit
    has the name, and where systemd would not understand it; nothing is changed then.
    """
    path = systemd.folder / unit.name
    if not systemd.runs:
        raise CommandError(
            "the platform cannot be made a service of this machine",
            seen="systemd does not run here",
            expected="a machine that is run by systemd",
            next_step="let your init system run `inv start-all` at boot; for a machine with systemd the unit is below",
            details=[f"--- {path}", *unit.text.splitlines()],
        )
    _check_ours(path)
    complaints = systemd.complaints(unit)
    if complaints:
        raise CommandError(
            f"systemd does not take {unit.name}",
            seen=complaints[0],
            expected="a unit that systemd-analyze verify has nothing against",
            next_step="mend what it names, then the same command again",
            details=complaints[1:],
        )
    if _read(path) == unit.text:
        yield Note(f"{path} says it already")
    else:
        _write(path, unit.text, again)
        yield Note(f"{path} written")
    systemd.control("daemon-reload")
    systemd.control("enable", unit.name)
    yield Note(f"{unit.name} starts when this machine boots")
    return path


def remove(name: str, systemd: Systemd, again: str) -> Generator[Event, None, bool]:
    """Take the unit away; whether there was one. What runs goes on running."""
    path = systemd.folder / name
    if _read(path) is None:
        return False
    _check_ours(path)
    if systemd.runs:
        _check_writable(path, again)
        systemd.control("disable", name)
    try:
        path.unlink()
    except OSError as error:
        raise _refused(path, error.strerror or str(error), again) from error
    if systemd.runs:
        systemd.control("daemon-reload")
    yield Note(f"{path} removed")
    return True


def _check_ours(path: Path) -> None:
    text = _read(path)
    if text is not None and MARK not in text:
        raise CommandError(
            f"{path.name} is there already, and is not ours",
            seen=f"{path} was not written by `inv install-service`",
            expected="no unit of this name, or one that this command wrote",
            next_step=f"move {path} away, or give the platform another COMPOSE_PROJECT_NAME",
        )


def _check_writable(path: Path, again: str) -> None:
    if not os.access(path.parent, os.W_OK):
        raise _refused(path, "no permission", again)


def _write(path: Path, text: str, again: str) -> None:
    """All of it or nothing: a machine that loses its power here boots with the old unit or the new one."""
    try:
        state.replace(path, text, mode=0o644)
    except OSError as error:
        raise _refused(path, error.strerror or str(error), again) from error


def _refused(path: Path, why: str, again: str) -> CommandError:
    return CommandError(
        f"{path} cannot be changed",
        seen=why,
        expected="a user who may change the units of this machine",
        next_step=f"sudo {again}",
    )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
