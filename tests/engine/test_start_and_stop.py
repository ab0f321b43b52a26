"""Order of starts and stops, resumed and interrupted commands: from the records of the engine."""

from __future__ import annotations

import signal
import subprocess
import time
from datetime import datetime
from itertools import pairwise

import pytest

from tests.support.events import recording
from tests.support.project import FOREVER, IMAGE, INV, MakeProject, Project, check, service, wait_for
from tests.support.terminal import Terminal

# Becomes healthy some time after its start, so that a gate that does not wait fails the test.
SLOW = "sleep 1.5; touch /tmp/ok; " + FOREVER
SLOW_PROBE = "test -e /tmp/ok"


def three_stages() -> dict[str, dict[str, object]]:
    return {
        "base": service(SLOW, probe=SLOW_PROBE),
        "queue": service(SLOW, probe=SLOW_PROBE, depends_on={"base": {"condition": "service_healthy"}}),
        "cloud": service(SLOW, probe=SLOW_PROBE, phase="spring-cloud"),
        "shop": service(FOREVER, phase="business"),
    }


def started(project: Project, name: str) -> datetime:
    return datetime.fromisoformat(project.inspect(name)["State"]["StartedAt"])


def test_each_stage_starts_when_the_one_before_it_is_healthy(make_project: MakeProject) -> None:
    project = make_project(three_stages())
    with recording(project.name) as events:
        check(project.inv("start-all"), 0, "up: 4 of 4")
    healthy = events.healthy()
    for before, after in pairwise(["base", "queue", "cloud", "shop"]):
        assert healthy[before] <= started(project, after), (before, after)


def test_a_second_start_changes_nothing(make_project: MakeProject) -> None:
    project = make_project(three_stages())
    check(project.inv("start-all"), 0)
    before = {name: project.inspect(name) for name in three_stages()}
    check(project.inv("start-all"), 0, "already ready")
    for name, seen in before.items():
        now = project.inspect(name)
        assert (now["Id"], now["State"]["StartedAt"]) == (seen["Id"], seen["State"]["StartedAt"])


def test_only_the_killed_container_is_started_again(make_project: MakeProject) -> None:
    project = make_project(three_stages())
    check(project.inv("start-all"), 0)
    before = {name: started(project, name) for name in three_stages()}
    project.docker("kill", f"{project.name}-queue-1")
    check(project.inv("start-all"), 0)
    changed = [name for name in three_stages() if started(project, name) != before[name]]
    assert changed == ["queue"]


def test_a_changed_setting_replaces_only_its_service(make_project: MakeProject) -> None:
    project = make_project(three_stages())
    check(project.inv("start-all"), 0)
    before = {name: project.inspect(name)["Id"] for name in three_stages()}
    project.write("docker-compose.override.yml", {"services": {"shop": {"environment": {"OPEN": "yes"}}}})
    check(project.inv("start-all"), 0)
    changed = [name for name in three_stages() if project.inspect(name)["Id"] != before[name]]
    assert changed == ["shop"]


def test_interrupted_and_resumed(make_project: MakeProject) -> None:
    services = three_stages()
    services["cloud"] = service("sleep 6; touch /tmp/ok; " + FOREVER, probe=SLOW_PROBE, phase="spring-cloud")
    project = make_project(services)
    with project.popen("start-all") as running:
        wait_for(project, "cloud", "{{.State.Status}}", "running")
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=30)
    check((running.returncode, output), 130, "interrupted: 3 containers are left running", "inv stop-all")
    before = {name: started(project, name) for name in ("base", "queue", "cloud")}
    check(project.inv("start-all"), 0, "up: 4 of 4")
    assert {name: started(project, name) for name in before} == before


def test_a_service_of_an_override_is_started_and_stopped(make_project: MakeProject) -> None:
    project = make_project(three_stages())
    extra = service(SLOW, probe=SLOW_PROBE, phase="spring-cloud")
    project.write("docker-compose.override.yml", {"services": {"extra": extra}})
    check(project.inv("start-all"), 0, "up: 5 of 5")
    assert started(project, "extra") < started(project, "shop")
    check(project.inv("status"), 0, "extra")
    check(project.inv("stop-all"), 0, "stopped: 5 containers")


def test_stop_in_reverse_order_without_a_kill(make_project: MakeProject) -> None:
    polite = "trap 'exit 0' TERM; sleep infinity & wait"
    services = three_stages()
    for name, one in services.items():
        services[name] = {**one, "command": ["bash", "-c", f"touch /tmp/ok; {polite}"], "init": False}
    project = make_project(services)
    check(project.inv("start-all"), 0)
    with recording(project.name) as events:
        check(project.inv("stop-all"), 0, "stopped: 4 containers")
    ends = events.ends()
    assert [name for name, _ in ends] == ["shop", "cloud", "queue", "base"]
    assert {code for _, code in ends} == {"0"}
    check(project.inv("stop-all"), 0, "nothing was running")


def test_stop_reports_a_container_that_was_killed(make_project: MakeProject) -> None:
    deaf = service("trap '' TERM; while :; do sleep 1; done", init=False, stop_grace_period="1s")
    project = make_project({"deaf": deaf})
    check(project.inv("start-all"), 0)
    check(project.inv("stop-all"), 7, "deaf-1 did not stop by itself")


def test_stop_includes_containers_of_another_overlay(make_project: MakeProject) -> None:
    project = make_project({"base": service(FOREVER)})
    project.write("docker-compose.override.yml", {"services": {"extra": service(FOREVER)}})
    check(project.inv("start-all"), 0, "up: 2 of 2")
    (project.root / "docker/docker-compose.override.yml").unlink()
    check(project.inv("status"), 7, "not in the compose files")
    check(project.inv("stop-all"), 0, "stopped: 2 containers")


def test_volumes_of_this_project_are_removed_on_request_only(make_project: MakeProject) -> None:
    def keeper() -> Project:
        mount = ["data:/data"]
        return make_project(
            {"keeper": service("echo kept >> /data/file; " + FOREVER, volumes=mount)}, volumes={"data": {}}
        )

    ours, foreign = keeper(), keeper()
    check(ours.inv("start-all"), 0)
    check(foreign.inv("start-all"), 0)
    check(ours.inv("stop-all"), 0)
    assert ours.docker("volume", "ls", "-q", "--filter", f"name={ours.name}_data")
    check(ours.inv("start-all"), 0)
    assert ours.docker("exec", f"{ours.name}-keeper-1", "cat", "/data/file").split() == ["kept", "kept"]
    check(ours.inv("stop-all", "--volumes"), 0, f"removed 1 volumes: {ours.name}_data")
    assert not ours.docker("volume", "ls", "-q", "--filter", f"name={ours.name}_data")
    assert foreign.inspect("keeper")["State"]["Status"] == "running"
    assert foreign.docker("volume", "ls", "-q", "--filter", f"name={foreign.name}_data")


def test_a_volume_in_use_elsewhere_is_kept_and_reported(make_project: MakeProject) -> None:
    keeper = service(FOREVER, volumes=["data:/data", "more:/more"])
    project = make_project({"keeper": keeper}, volumes={"data": {}, "more": {}})
    check(project.inv("start-all"), 0)
    stranger = project.docker(
        "create", "--volume", f"{project.name}_data:/x", "--name", f"{project.name}-stranger", IMAGE
    )
    try:
        outcome = project.inv("stop-all", "--volumes")
        check(outcome, 5, f"{project.name}_data, used by {project.name}-stranger", f"removed: {project.name}_more")
    finally:
        project.docker("rm", stranger)
    check(project.inv("stop-all", "--volumes"), 0, f"removed 1 volumes: {project.name}_data")


def test_an_interrupted_stop_returns_at_once(make_project: MakeProject) -> None:
    deaf = service("trap '' TERM; while :; do sleep 1; done", init=False, stop_grace_period="15s")
    project = make_project({"deaf": deaf})
    check(project.inv("start-all"), 0)
    with project.popen("stop-all") as running:
        time.sleep(3)
        running.send_signal(signal.SIGINT)
        output, _ = running.communicate(timeout=10)
    check((running.returncode, output), 130, "interrupted")


def test_invalid_settings_do_not_prevent_a_stop(make_project: MakeProject) -> None:
    project = make_project(three_stages())
    check(project.inv("start-all"), 0)
    project.write("docker-compose.override.yml", {"services": {"shop": "nonsense"}})
    check(project.inv("start-all"), 3, "the compose files cannot be read")
    check(project.inv("stop-all", "--volumes"), 3)
    check(project.inv("stop-all"), 0, "the settings cannot be used", "stopped: 4 containers")


@pytest.mark.full
def test_changes_without_output_have_their_own_exit_code(make_project: MakeProject) -> None:
    """Closed, on a terminal that is gone, and read by a program that exits."""
    project = make_project({"one": service(FOREVER)})
    inv = f"{INV} --search-root {project.root}"

    def shell(script: str) -> str:
        done = subprocess.run(
            ["bash", "-c", script], env=project._environment(), capture_output=True, text=True, timeout=100, check=False
        )
        assert "Traceback" not in done.stderr
        return done.stdout.strip()

    assert shell(f"{inv} start-all >&- 2>&- <&-; echo $?") == "0"
    assert project.inspect("one")["State"]["Health"]["Status"] == "healthy"
    with Terminal(project, "stop-all", ignore_hangup=True) as terminal:
        terminal.read_until(lambda: bool(terminal.output))
        terminal.hang_up()
        assert terminal.process.wait(100) == 0
    assert project.docker("ps", "-aq", "--filter", f"name={project.name}-one-1") == ""
    assert shell(f"{inv} start-all 2>&1 | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}") == "0"
    assert shell(f"{inv} status >/dev/null; echo $?") == "0"
    check(project.inv("status"), 0, "note: inv start-all (user", "could not write its output", "exit code 0: completed")
    assert shell(f"{inv} logs --tail=-1 --no-follow | head -1 >/dev/null; echo ${{PIPESTATUS[0]}}") == "0"
