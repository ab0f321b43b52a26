"""The gate, with containers that crash, hang, flap, run out of memory and disappear."""

from __future__ import annotations

import os
import socket

import pytest

from tests.support.project import FOREVER, MakeProject, check, service, wait_for, without_healthcheck


def test_ready(make_project: MakeProject) -> None:
    check(make_project({"fine": service(FOREVER)}).inv("start-all"), 0, "up: 1 of 1 containers ready")


def test_crash_at_once(make_project: MakeProject) -> None:
    project = make_project({"broken": service("echo no such table; exit 3")})
    check(project.inv("start-all"), 7, "broken failed", "exited with code 3", "| no such table")


def test_crash_after_a_second(make_project: MakeProject) -> None:
    project = make_project({"broken": service("sleep 1; echo lost the database; exit 1", probe="false")})
    check(project.inv("start-all"), 7, "broken failed", "exited with code 1", "| lost the database")


def test_crash_after_it_was_healthy(make_project: MakeProject) -> None:
    project = make_project({"brief": service("sleep 3; exit 9"), "slow": service(FOREVER, probe="false")})
    check(project.inv("start-all"), 7, "brief failed", "exited with code 9")


def test_crash_loop(make_project: MakeProject) -> None:
    project = make_project({"loop": service("echo bad setting; exit 4", probe="false", restart="unless-stopped")})
    check(project.inv("start-all"), 7, "loop failed", "crash loop", "exit code 4", "| bad setting")


def test_out_of_memory(make_project: MakeProject) -> None:
    greedy = service(
        "echo eating; x=$(head -c 300M /dev/zero | tr '\\0' x); echo $${#x}",
        probe="false",
        mem_limit="48m",
        memswap_limit="48m",
        init=False,
    )
    check(make_project({"greedy": greedy}).inv("start-all"), 7, "greedy failed", "out of memory")


def test_never_healthy(make_project: MakeProject) -> None:
    project = make_project({"ill": service("echo starting; " + FOREVER, probe="echo cannot connect; false")})
    project.environment["GATE_TIMEOUT"] = "6"
    check(project.inv("start-all"), 6, "ill is not ready", "cannot connect", "ready within 6 s", "| starting")


def test_a_health_check_whose_program_is_absent(make_project: MakeProject) -> None:
    bare = service(FOREVER)
    bare["healthcheck"] |= {"test": ["CMD", "absent-program"], "retries": 1000}
    check(make_project({"bare": bare}).inv("start-all"), 7, "bare failed", "its image does not contain absent-program")


def test_a_log_that_cannot_be_read(make_project: MakeProject) -> None:
    silent = service("exit 3", logging={"driver": "none"}, depends_on={"other": {"condition": "service_healthy"}})
    project = make_project({"other": service("echo I am well; " + FOREVER), "silent": silent})
    check(project.inv("start-all"), 7, "silent failed", "exited with code 3", "silent-1 cannot be read")
    check(project.inv("logs", "--no-follow"), 0, "I am well", "silent-1 cannot be read")


def test_the_first_cause_at_any_time(make_project: MakeProject) -> None:
    words = "echo 'java.lang.OutOfMemoryError: Java heap space'; " + FOREVER
    first = service(words, probe="test ! -e /ill")
    second = service(FOREVER, phase="business", depends_on={"first": {"condition": "service_healthy"}})
    project = make_project({"first": first, "second": second})
    check(project.inv("why"), 7, "the platform is not running")
    check(project.inv("start-all"), 0)
    check(project.inv("why"), 0, "every service that was started is ready")
    project.docker("exec", f"{project.name}-first-1", "touch", "/ill")
    wait_for(project, "first", "{{.State.Health.Status}}", "unhealthy")
    check(project.inv("why", "second"), 7, "first is not ready: the JVM is out of memory: Java heap space")
    project.docker("rm", "--force", f"{project.name}-second-1")
    check(project.inv("why", "second"), 7, "first is not ready", "waiting for first: second")
    project.docker("exec", f"{project.name}-first-1", "rm", "/ill")
    wait_for(project, "first", "{{.State.Health.Status}}", "healthy")
    check(project.inv("why", "second"), 7, "second failed", "the container does not exist")


def test_unhealthy_then_healthy(make_project: MakeProject) -> None:
    late = service("sleep 5; touch /tmp/ok; " + FOREVER, probe="test -e /tmp/ok")
    late["healthcheck"] |= {"start_period": "1s"}
    check(make_project({"late": late}).inv("start-all"), 0, "up: ")


def test_healthy_then_gone(make_project: MakeProject) -> None:
    project = make_project({"gone": service(FOREVER), "slow": service(FOREVER, probe="false")})
    with project.popen("start-all") as running:
        wait_for(project, "gone", "{{.State.Health.Status}}", "healthy")
        project.docker("rm", "--force", f"{project.name}-gone-1")
        output, _ = running.communicate(timeout=30)
    check((running.returncode, output), 7, "gone failed")
    # Between its exit and its removal it is an exited container.
    assert "the container does not exist" in output or "killed by SIGKILL" in output


def test_healthy_in_an_earlier_stage_then_dead(make_project: MakeProject) -> None:
    project = make_project(
        {
            "first": service(FOREVER),
            "second": service("sleep 4; " + FOREVER, probe="test $(ps -e | wc -l) -gt 0", phase="business"),
        }
    )
    project.write(
        "docker-compose.override.yml",
        {
            "services": {
                "second": {
                    "healthcheck": {"test": ["CMD-SHELL", "test -e /tmp/ok"]},
                    "command": ["bash", "-c", "sleep 4; touch /tmp/ok; sleep infinity"],
                }
            }
        },
    )
    with project.popen("start-all") as running:
        wait_for(project, "second", "{{.State.Status}}", "running")
        project.docker("kill", f"{project.name}-first-1")
        output, _ = running.communicate(timeout=40)
    check((running.returncode, output), 7, "first failed", "killed by SIGKILL")


def test_one_shot_that_ends_well(make_project: MakeProject) -> None:
    project = make_project(
        {
            "migrate": without_healthcheck("sleep 1; echo migrated"),
            "app": service(FOREVER, depends_on={"migrate": {"condition": "service_completed_successfully"}}),
        }
    )
    check(project.inv("start-all"), 0, "up: 2 of 2 containers ready")
    before = project.inspect("migrate")["State"]["StartedAt"]
    check(project.inv("start-all"), 0, "up: 2 of 2")
    assert project.inspect("migrate")["State"]["StartedAt"] == before


def test_one_shot_that_is_healthy_while_it_works(make_project: MakeProject) -> None:
    needs = {"migrate": {"condition": "service_completed_successfully"}}
    project = make_project({"migrate": service("sleep 4"), "app": service(FOREVER, depends_on=needs)})
    for _ in range(2):
        check(project.inv("start-all"), 0, "up: 2 of 2")
    check(project.inv("status"), 0, "2 of 2 ready")
    ended = project.inspect("migrate")["State"]["FinishedAt"]
    assert ended < project.inspect("app")["State"]["StartedAt"]


def test_a_crash_loop_is_detected_again_after_a_stop(make_project: MakeProject) -> None:
    project = make_project({"loop": service("sleep 0.2; exit 3", probe="false", restart="always")})
    check(project.inv("start-all"), 7, "crash loop")
    project.docker("stop", f"{project.name}-loop-1")
    check(project.inv("start-all"), 7, "crash loop")
    # It had exited before the stop.
    check(project.inv("stop-all"), 0)


def test_a_closed_output_does_not_change_the_exit_code(make_project: MakeProject) -> None:
    project = make_project({"broken": service("exit 3")})
    with project.popen("start-all") as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.wait(60) == 7


@pytest.mark.parametrize("command", ["true", "sleep 1"])
def test_one_shot_without_dependents(make_project: MakeProject, command: str) -> None:
    check(make_project({"task": without_healthcheck(command)}).inv("start-all"), 0, "up: 1 of 1")


def test_one_shot_that_fails(make_project: MakeProject) -> None:
    project = make_project({"migrate": without_healthcheck("echo conflict; exit 3", restart="no")})
    check(project.inv("start-all"), 7, "migrate failed", "exited with code 3", "| conflict", "exit code 0")


def test_no_healthcheck(make_project: MakeProject) -> None:
    check(make_project({"mute": without_healthcheck(FOREVER)}).inv("start-all"), 7, "mute failed", "no health check")


def test_paused(make_project: MakeProject) -> None:
    project = make_project({"asleep": service(FOREVER, probe="false")})
    with project.popen("start-all") as running:
        wait_for(project, "asleep", "{{.State.Status}}", "running")
        project.docker("pause", f"{project.name}-asleep-1")
        output, _ = running.communicate(timeout=30)
    check((running.returncode, output), 7, "asleep failed", "paused", "docker unpause")


def test_image_missing(make_project: MakeProject) -> None:
    absent = service(FOREVER) | {"image": "127.0.0.1:9/no/such:image"}
    project = make_project({"fine": service(FOREVER), "absent": absent})
    check(project.inv("start-all"), 5, "127.0.0.1:9/no/such:image cannot be pulled", "absent", "4 of 4 attempts")
    assert not project.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={project.name}")


def test_port_taken(make_project: MakeProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        project = make_project(
            {"early": service(FOREVER), "wants": service(FOREVER, ports=[f"127.0.0.1:{port}:80"], phase="business")}
        )
        check(project.inv("start-all"), 5, f"wants cannot use port {port}", f"(pid {os.getpid()})")
        # Known before anything was started.
        assert not project.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={project.name}")


def test_port_taken_by_a_container(make_project: MakeProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    ports = [f"127.0.0.1:{port}:80"]
    other = make_project({"holder": service(FOREVER, ports=ports)})
    check(other.inv("start-all"), 0)
    check(
        make_project({"wants": service(FOREVER, ports=ports)}).inv("start-all"), 5, f"container {other.name}-holder-1"
    )
