"""Reads what is examined of this machine, and judges it: clock, disk, memory, kernel settings."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from rofecare_infra.doctor.finding import Finding, ok, problem, warning
from rofecare_infra.engine import Machine
from rofecare_infra.platform import Service
from rofecare_infra.progress import mebibytes

_GIB = 1 << 30
_MIB = 1 << 20
# What a container needs where the compose files set no lower limit, in bytes: an application as measured with the
# reference services, a database or a broker with little data.
_APPLICATION, _OTHER = 350 * _MIB, 64 * _MIB
# On fewer cores, the eight business services start one after another, and may exceed the limit of their stage.
_CORES = 2
# Free space in bytes: below the first a database may stop within days, the images need the second.
_LEAST, _IMAGES = 2 * _GIB, 4 * _GIB
_CLOCK = timedelta(minutes=5)

# Setting -> the least value, and who needs it.
_KERNEL = {
    "fs/inotify/max_user_instances": (128, "the file watchers of the monitoring"),
    "vm/max_map_count": (65530, "the memory maps of the JVMs"),
}


@dataclass(frozen=True)
class Host:
    """What was read of this machine; sizes in bytes."""

    now: datetime
    # Of the newest file of the software: the clock cannot be earlier.
    newest: datetime
    # Folder -> its free space, of the file systems that will be written to.
    free: Mapping[Path, int]
    # Setting of the kernel -> its value; without those that cannot be read.
    kernel: Mapping[str, int]
    # Memory that programs can still get, in bytes; 0 if unknown.
    available: int


def read(root: Path, folders: Iterable[Path], now: datetime) -> Host:
    """Read this machine; `folders` will be written to, and may not exist yet."""
    newest = max(path.stat().st_mtime for path in (root / "tasks.py", Path(__file__)))
    return Host(
        now=now,
        newest=datetime.fromtimestamp(newest, now.tzinfo),
        free={folder: shutil.disk_usage(_existing(folder)).free for folder in folders},
        kernel={name: value for name in _KERNEL if (value := _number(Path("/proc/sys", name))) is not None},
        available=_available(),
    )


def clock(host: Host, engine: datetime | None) -> Finding:
    """Compare the clock with that of the engine, and with the newest file of the software."""
    for other, whose in ((host.newest, "the newest file of this software is of"), (engine, "that of the engine shows")):
        late = other is not None and host.now < other - timedelta(days=1)
        if other is not None and (late or (other is engine and abs(host.now - other) > _CLOCK)):
            seen = f"it shows {host.now:%Y-%m-%d %H:%M}, {whose} {other:%Y-%m-%d %H:%M}"
            return problem("clock", seen, "timedatectl set-ntp true, or timedatectl set-time")
    return ok("clock", f"{host.now:%Y-%m-%d %H:%M %Z}")


def disk(host: Host, *, images: bool) -> Iterator[Finding]:
    """Judge the free space; `images` are still to be built or pulled."""
    for folder, free in host.free.items():
        seen = f"{free / _GIB:.1f} GiB free for {folder}"
        if free < _LEAST:
            yield problem("disk", seen, f"at least {_LEAST // _GIB} GiB are needed: docker system df, df -h")
        elif images and free < _IMAGES:
            yield warning("disk", seen, f"images take up to {_IMAGES // _GIB} GiB: docker system df, df -h")
        else:
            yield ok("disk", seen)


def capacity(machine: Machine, services: Iterable[Service], available: int, *, running: bool) -> Iterator[Finding]:
    """Judge memory and cores against the services; of a platform that runs, its own memory is in use."""
    needed = sum(_needed(one) * one.replicas for one in services)
    seen = f"{mebibytes(machine.memory)}; the selected services need about {mebibytes(needed)}"
    if machine.memory < needed:
        yield problem("memory", seen, "more memory, or SIZE=small in production")
    elif not running and 0 < available < needed:
        yield warning("memory", f"{seen}, {mebibytes(available)} are available", "end other programs")
    else:
        yield ok("memory", seen)
    if machine.cores < _CORES:
        yield warning("cores", f"{machine.cores}", f"{_CORES} or more, or a larger GATE_TIMEOUT")
    else:
        yield ok("cores", f"{machine.cores}")


def settings_of_the_kernel(host: Host) -> Iterator[Finding]:
    """Judge the settings of the kernel that containers depend on and cannot change."""
    low = [(name, value) for name, value in host.kernel.items() if value < _KERNEL[name][0]]
    for name, value in low:
        least, user = _KERNEL[name]
        setting = name.replace("/", ".")
        yield warning("kernel", f"{setting} is {value}, {user} need {least}", f"sysctl -w {setting}={least}")
    if not low:
        yield ok("kernel", ", ".join(f"{name.replace('/', '.')}={value}" for name, value in host.kernel.items()))


def _needed(service: Service) -> int:
    usual = _APPLICATION if service.checkout else _OTHER
    return min(service.memory, usual) if service.memory else usual


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _available() -> int:
    import psutil

    return int(psutil.virtual_memory().available)
