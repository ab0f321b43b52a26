"""The processor time of a container, from the files of its control group.

The engine's own statistics take a second for each container. Where the engine runs on another machine, or keeps the
groups elsewhere, there are no such files.
"""

from __future__ import annotations

from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
# Below the folder of version 2, and of version 1 ("cpuacct"), as the two drivers of the engine name them.
_NAMES = ("system.slice/docker-{id}.scope", "docker/{id}")
_MICRO, _NANO = 1e-6, 1e-9


def cpu_seconds(container: str, groups: Path = GROUPS) -> float | None:
    """The processor seconds that the container with this id has used; None if they cannot be read."""
    for pattern in _NAMES:
        name = pattern.format(id=container)
        for file, unit in ((groups / name / "cpu.stat", _MICRO), (groups / "cpuacct" / name / "cpuacct.usage", _NANO)):
            try:
                words = file.read_text(encoding="ascii").split()
                # "usage_usec 1234" in one, only the number in the other.
                used = words[words.index("usage_usec") + 1] if "usage_usec" in words else words[0]
                return round(int(used) * unit, 3)
            except (OSError, ValueError, LookupError):
                continue
    return None
