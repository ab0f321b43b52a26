"""The processor time of a platform: what its containers have used, and what the machine uses while it is idle."""

from __future__ import annotations

import psutil

from rofecare_dev.bench.measures import FLOOR
from rofecare_infra.errors import CommandError
from rofecare_infra.history import cpu_seconds
from rofecare_infra.process import run
from rofecare_infra.state import Clock

# Applications refresh caches and registrations in the first half minute.
_SETTLED = 30.0
_MINUTE = 60.0


def read(what: str, project: str, clock: Clock) -> float:
    """FLOOR: the processor seconds of all containers of the project, divided by the cores.

    IDLE: the processor seconds of the whole machine in one minute, after half a minute; nothing else may run.
    Raises CommandError where the control groups of the containers cannot be read.
    """
    if what == FLOOR:
        mine = ("--filter", f"label=com.docker.compose.project={project}")
        used = [
            cpu_seconds(one) for one in run(["docker", "ps", "--all", "--no-trunc", "--quiet", *mine]).stdout.split()
        ]
        known = [seconds for seconds in used if seconds is not None]
        if not known or len(known) < len(used):
            raise CommandError(
                "the processor time of the containers cannot be read",
                seen=f"{len(known)} of {len(used)} control groups in /sys/fs/cgroup",
                expected="an engine on this machine",
                next_step="inv bench without floor: --only cold,warm,stop",
            )
        return sum(known) / (psutil.cpu_count() or 1)
    clock.sleep(_SETTLED)
    before = _busy()
    clock.sleep(_MINUTE)
    return _busy() - before


def _busy() -> float:
    """The processor seconds of all cores since the machine was started, without idle ones."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system + times.irq + times.softirq)
