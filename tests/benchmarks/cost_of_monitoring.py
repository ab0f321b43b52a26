"""The cost of the monitoring: CPU time and memory of the platform without and with it, under the same load.

    python -m tests.benchmarks.cost_of_monitoring [SECONDS]

Starts a platform of its own, measures both for SECONDS each (default: 120), removes it and prints a table.
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
    """CPU time in seconds since the container's start, and memory in bytes without the reclaimable page cache."""

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
        ("platform without monitoring", without, platform_alone),
        ("platform with monitoring", with_it, platform_alone),
        ("monitoring", with_it, set(with_it) - platform_alone),
    )
    _print(f"{_RATE} requests/s over eight routes, {seconds:.0f} s each\n")
    _print("| | containers | CPU (cores) | memory (MiB) |\n| --- | ---: | ---: | ---: |")
    for title, found, names in rows:
        mine = [found[name] for name in names]
        cores = sum(use.cpu for use in mine) / seconds
        _print(f"| {title} | {len(mine)} | {cores:.2f} | {sum(use.memory for use in mine) / _MEBIBYTE:.0f} |")


def _measure(platform: PlatformUnderTest, seconds: float) -> Mapping[str, Use]:
    """Container -> its use: `cpu` of the measured period alone, `memory` at its end."""
    base = f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}"
    with Load(base, READS, rate=_RATE, login=Account(), timeout=20) as load:
        time.sleep(_WARM)
        before = _sample(platform.name)
        time.sleep(seconds)
        after = _sample(platform.name)
    _print(load.summary())
    return {name: Use(use.cpu - before[name].cpu, use.memory) for name, use in after.items() if name in before}


def _sample(project: str) -> dict[str, Use]:
    client = docker.from_env()
    containers = client.containers.list(filters={"label": f"com.docker.compose.project={project}"})
    with ThreadPoolExecutor(len(containers)) as pool:
        # One sample each: the second one is only needed for percentages.
        stats = pool.map(lambda each: client.api.stats(each.id, stream=False, one_shot=True), containers)
        return {each.name or "": _use(found) for each, found in zip(containers, stats, strict=True)}


def _use(stats: Json) -> Use:
    memory = stats["memory_stats"]
    dropped = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    return Use(stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, memory["usage"] - dropped)


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 120)
