"""The health checks of applications are run at this moment, from inside; the infrastructure's are not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from rofecare_infra import lifecycle
from rofecare_infra.errors import CommandError, ServiceFailedError
from rofecare_infra.process import Result
from tests.support.fakes import FakeClock, FakeEngine, container, drain, project_of, service

NAMES = ("db", "app", "job", "gateway")
SERVICES = (
    service("db"),
    service("app", "business"),
    service("job", "business"),
    service("gateway", "spring-cloud"),
    service("metrics", "monitoring"),
)
TESTS = {
    "rofecare-app-1": ["CMD-SHELL", "curl --fail localhost"],
    "rofecare-job-1": ["NONE"],
    "rofecare-gateway-1": ["CMD", "java", "Probe"],
}


class Docker:
    """Answers `docker inspect` and `docker exec`; the first checks may fail."""

    def __init__(self, fails: int = 0) -> None:
        self.fails = fails
        self.ran: list[list[str]] = []

    def __call__(self, argv: Sequence[str], **_: object) -> Result:
        if argv[1] == "inspect":
            return Result((), 0, json.dumps({"Test": TESTS[argv[-1]]}), "")
        if self.fails:
            self.fails -= 1
            return Result((), 22, "", "curl: (22) 503\n")
        self.ran.append(list(argv[2:]))
        return Result((), 0, "", "")


def run(monkeypatch: pytest.MonkeyPatch, docker: object) -> None:
    monkeypatch.setattr("rofecare_infra.lifecycle.inside.run", docker)
    engine = FakeEngine([container(one.name) for one in SERVICES])
    project = project_of(SERVICES, engine)
    drain(lifecycle.probe(project, NAMES, FakeClock().clock))


def test_each_application_is_asked_as_its_health_check_does(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker()
    run(monkeypatch, docker)
    assert sorted(docker.ran) == [
        ["rofecare-app-1", "/bin/sh", "-c", "curl --fail localhost"],
        ["rofecare-gateway-1", "java", "Probe"],
    ]


def test_a_check_that_fails_at_first_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    docker = Docker(fails=3)
    run(monkeypatch, docker)
    assert docker.fails == 0


def test_a_check_that_goes_on_failing_is_an_error_with_its_output(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ServiceFailedError, match="fails its health check") as caught:
        run(monkeypatch, Docker(fails=10_000))
    assert caught.value.seen == "curl: (22) 503"
    assert "within 10 s" in caught.value.expected


def test_a_container_that_does_not_answer_fails_its_check(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_argv: Sequence[str], **_: object) -> Result:
        raise CommandError("docker exec did not end", seen="after 30 s")

    with pytest.raises(ServiceFailedError) as caught:
        run(monkeypatch, hang)
    assert caught.value.seen == "docker exec did not end: after 30 s"


def test_writers_are_stopped_and_nothing_else() -> None:
    engine = FakeEngine([container(one.name, labels={"com.rofecare.phase": one.phase}) for one in SERVICES])
    engine.present.append(container("extra", labels={}))
    drain(lifecycle.stop_writers(project_of(SERVICES, engine), FakeClock().clock))
    assert sorted(engine.stopped) == ["id-app", "id-extra", "id-job"]
