"""A request that is sent inside a container."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rofecare_infra.errors import CommandError
from rofecare_infra.process import Result
from rofecare_infra.smoke import wire
from rofecare_infra.smoke.checks import Answer
from tests.support.fakes import container


def asked(monkeypatch: pytest.MonkeyPatch, output: str, errors: str = "") -> Answer:
    def run(argv: Sequence[str], **_: object) -> Result:
        assert list(argv[:5]) == ["docker", "exec", "app-1", "bash", "-c"]
        assert list(argv[-2:]) == ["9000", "/actuator/health"]
        if errors == "hangs":
            raise CommandError("docker did not end in time", seen="6 s")
        return Result(tuple(argv), 0 if output else 1, output, errors)

    monkeypatch.setattr(wire, "run", run)
    return wire.Network().inside(container("app", name="app-1"), 9000, "/actuator/health")


def test_the_answer_is_that_of_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = asked(monkeypatch, 'HTTP/1.1 503 \r\nContent-Type: application/json\r\n\r\n{"status":"DOWN"}')
    assert (answer.asked, answer.status, answer.text("status")) == ("GET /actuator/health", 503, "DOWN")
    assert asked(monkeypatch, "HTTP/1.0 404 Not Found\r\n\r\nnothing").status == 404


def test_without_an_answer_the_reason_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert asked(monkeypatch, "", "bash: connect: Connection refused").error == "bash: connect: Connection refused"
    assert asked(monkeypatch, "", "hangs").error == "docker did not end in time: 6 s"
    assert not asked(monkeypatch, "", "x").came
