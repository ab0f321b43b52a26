"""What the monitoring costs: processor time and memory of the platform without it and with it, under the same traffic.

    python -m tests.benchmarks.cost_of_monitoring [SECONDS]

Starts a platform of its own, measures both for that long each (120 s unless told), removes it, prints a table.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from tests.support.load import Account, Load
from tests.support.platform import SHIFT, PlatformUnderTest
from tests.support.routes import READS

_RATE = 10
_WARM = 40
_MEBIBYTE = 1024 * 1024
Json = dict[str, Any]


@dataclass(frozen=True)
class Use:
    """Processor time in seconds since the container's start, and memory in bytes without what may be dropped."""

    cpu: float
    memory: int


def main(seconds: float) -> None:
    """Measure, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        platform = PlatformUnderTest(Path(folder), f"rofecare-cost-{SHIFT}")
        try:
            platform.expect(0, "start-all", timeout=1500)
            without = _measure(platform, seconds)
            platform.expect(0, "start-monitoring", timeout=1500)
            with_it = _measure(platform, seconds)
        finally:
            platform.inv("stop-all", "--volumes")
    platform_alone = set(without)
    rows = (
        ("the platform, not watched", without, platform_alone),
        ("the platform, watched", with_it, platform_alone),
        ("what watches it", with_it, set(with_it) - platform_alone),
    )
    _say(f"{_RATE} requests/s over eight routes, {seconds:.0f} s each\n")
    _say("| | containers | processor (cores) | memory (MiB) |\n| --- | ---: | ---: | ---: |")
    for title, found, names in rows:
        mine = [found[name] for name in names]
        cores = sum(use.cpu for use in mine) / seconds
        _say(f"| {title} | {len(mine)} | {cores:.2f} | {sum(use.memory for use in mine) / _MEBIBYTE:.0f} |")


def _measure(platform: PlatformUnderTest, seconds: float) -> Mapping[str, Use]:
    """Container -> what it used meanwhile: `cpu` of these seconds alone, `memory` at their end."""
    base = f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"
    with Load(base, READS, rate=_RATE, login=Account(), timeout=20) as load:
        time.sleep(_WARM)
        before = _look(platform.name)
        time.sleep(seconds)
        after = _look(platform.name)
    _say(load.summary())
    return {name: Use(use.cpu - before[name].cpu, use.memory) for name, use in after.items() if name in before}


def _look(project: str) -> dict[str, Use]:
    client = docker.from_env()
    containers = client.containers.list(filters={"label": f"com.docker.compose.project={project}"})
    with ThreadPoolExecutor(len(containers)) as pool:
        # One look, without the second one by which percentages are told.
        stats = pool.map(lambda each: client.api.stats(each.id, stream=False, one_shot=True), containers)
        return {each.name or "": _use(found) for each, found in zip(containers, stats, strict=True)}


def _use(stats: Json) -> Use:
    memory = stats["memory_stats"]
    dropped = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    return Use(stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, memory["usage"] - dropped)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 120)
