"""What a poll of the gate and `inv status` cost on a Swarm with 22 and with 60 services: time and CPU, as a table.

Run it with `pytest -m soak tests/engine/test_swarm_scale_soak.py`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from rofecare_infra.engine import StackEngine, connect
from rofecare_infra.gates import observe
from rofecare_infra.platform import Service
from rofecare_infra.progress import table
from tests.support.images import ensure
from tests.support.pinned import wait
from tests.support.project import IMAGE, Json, Project
from tests.support.three_engines import Machine, three_engines

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

COUNTS = (22, 60)
_POLLS = 20
_STATUSES = 3
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Seconds of one call: until its end, of CPU in its process, and of CPU in the engine of the manager."""

    wall: float
    own: float
    engine: float

    def row(self, what: str, services: int, tasks: int) -> tuple[str, ...]:
        """For the table, in milliseconds."""
        return (what, str(services), str(tasks), *(f"{one * 1000:.1f}" for one in (self.wall, self.own, self.engine)))


@pytest.mark.usefixtures("engine")
def test_what_a_poll_and_a_status_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ensure(IMAGE)
    rows: list[tuple[str, ...]] = []
    polls: dict[int, Cost] = {}
    with three_engines() as cluster, pytest.MonkeyPatch.context() as patch:
        for one in cluster.machines:
            one.lend([IMAGE])
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        for count in COUNTS:
            names = [f"service-{number:02}" for number in range(count)]
            project = started(tmp_path / str(count), names, cluster.environment)
            engine = StackEngine(connect())
            poll = partial(_ready, engine, project.name, [Service(name, "infrastructure", IMAGE) for name in names])
            wait(f"{count} services that are ready", poll, 400)
            tasks = len(engine.stack_tasks(project.name))
            polls[count] = cost(poll, _POLLS, cluster.manager)
            status = cost(partial(_status, project), _STATUSES, cluster.manager)
            rows += [polls[count].row("poll of the gate", count, tasks), status.row("inv status", count, tasks)]
            project.docker("stack", "rm", project.name)
    heading = ("CALL", "SERVICES", "TASKS", "MILLISECONDS", "CPU OF THE CALL", "CPU OF THE ENGINE")
    with capsys.disabled():
        sys.stdout.write(f"\n{table(heading, rows)}\n")
    few, many = COUNTS
    # No faster than the number of tasks, with a margin for a machine that is busy.
    assert polls[many].own < polls[few].own * many / few * 1.5


def cost(call: Callable[[], object], times: int, manager: Machine) -> Cost:
    """The mean of so many calls, after one that does not count."""
    call()
    began, own, engine = time.monotonic(), _own(), _engine(manager)
    for _ in range(times):
        assert call()
    spent = (time.monotonic() - began, _own() - own, _engine(manager) - engine)
    return Cost(*(one / times for one in spent))


def _own() -> float:
    """The CPU time of this process, and of the programs that it has run to their end."""
    used = [resource.getrusage(one) for one in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _engine(manager: Machine) -> float:
    """The CPU time of the engine of a machine."""
    assert manager.process is not None
    children = Path(f"/proc/{manager.process.pid}/task/{manager.process.pid}/children").read_text().split()
    fields = Path(f"/proc/{children[0]}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _ready(engine: StackEngine, project: str, services: list[Service]) -> bool:
    """One poll: whether all of them are ready."""
    seen = observe(services, engine.containers_of(project, {one.name for one in services}), {}, 0.0)
    return len(seen.ready) == len(services)


def _status(project: Project) -> bool:
    code, output = project.inv("status")
    assert code == 0, output
    return True


def started(folder: Path, names: list[str], environment: dict[str, str]) -> Project:
    """A checkout with these services, and the stack of it."""
    check = {"test": ["CMD", "true"], "interval": "60s", "start_interval": "1s", "start_period": "60s"}
    labels = {"com.rofecare.phase": "infrastructure"}
    one: Json = {"image": IMAGE, "command": ["sleep", "infinity"], "init": True, "labels": labels, "healthcheck": check}
    project = Project(folder, dict.fromkeys(names, one), networks={})
    project.environment |= environment
    for file in ("docker-compose.prod.yml", "docker-compose.swarm.yml"):
        project.write(file, {"services": {}})
    deployed = {**one, "networks": ["inside"], "deploy": {"endpoint_mode": "dnsrr"}}
    stack: Json = {
        "services": dict.fromkeys(names, deployed),
        "networks": {"inside": {"driver": "overlay", "internal": True}},
    }
    path = folder / "stack.json"
    path.write_text(json.dumps(stack))
    flags = ("--resolve-image=never", "--detach=true", "--compose-file", str(path))
    project.docker("stack", "deploy", *flags, project.name)
    return project
