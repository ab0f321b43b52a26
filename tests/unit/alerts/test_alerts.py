"""What fires, the worst first; what another alert explains last; silence is no good sign."""

from __future__ import annotations

from typing import Any

import pytest

from rofecare_infra.alerts import alerts_of, current, firing, sections
from rofecare_infra.errors import ServiceFailedError
from rofecare_infra.platform import Platform
from tests.support.fakes import port, service

Json = dict[str, Any]

PLATFORM = Platform(
    "rofecare",
    (
        service("prometheus", "monitoring", ports=(port(19090, 9090),)),
        service("alertmanager", "monitoring", ports=(port(19093, 9093),)),
    ),
)


def judged(name: str, severity: str = "critical", state: str = "firing", **labels: str) -> Json:
    return {
        "labels": {"alertname": name, "severity": severity, **labels},
        "annotations": {"summary": f"{name} it is."},
        "state": state,
        "activeAt": "2026-01-01T00:00:00Z",
    }


def told(one: Json, *inhibited_by: str) -> Json:
    return {"labels": one["labels"], "status": {"state": "suppressed", "inhibitedBy": list(inhibited_by)}}


class Answers:
    """What each address answers; an address without an answer does not."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by_port: dict[str, Any] = {}
        monkeypatch.setattr(current, "_get", lambda page, _: self.by_port.get(page.port.url.split("/")[2]))

    def fire(self, *alerts: Json) -> None:
        self.by_port["127.0.0.1:19090"] = {"data": {"alerts": list(alerts)}}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


WATCHDOG = judged("Watchdog", "none")


def test_the_worst_first_and_what_is_explained_last() -> None:
    down, slow, broken = judged("Down", part="x"), judged("Slow", "warning"), judged("Broken", part="x")
    found = alerts_of([broken, slow, down, judged("Soon", state="pending")], [told(broken, "abc"), told(down)])
    assert [(one.name, one.explained, one.critical) for one in found] == [
        ("Down", False, True),
        ("Slow", False, False),
        ("Broken", True, False),
    ]
    assert found[0].summary == "Down it is."


def test_the_same_alert_of_another_part_is_not_explained() -> None:
    mine, other = judged("Broken", part="x"), judged("Broken", part="y")
    assert [one.explained for one in alerts_of([mine, other], [told(mine, "abc")])] == [False, True]


def test_the_one_that_always_fires_is_left_out(answers: Answers) -> None:
    answers.fire(WATCHDOG)
    assert firing(PLATFORM) == ()


def test_what_fires_is_known_without_alertmanager(answers: Answers) -> None:
    answers.fire(WATCHDOG, judged("Down"))
    assert [one.name for one in firing(PLATFORM)] == ["Down"]


def test_alertmanager_says_what_is_explained(answers: Answers) -> None:
    down = judged("Down")
    answers.fire(WATCHDOG, down)
    answers.by_port["127.0.0.1:19093"] = [told(down, "abc")]
    assert [one.explained for one in firing(PLATFORM)] == [True]


def test_alerts_that_are_not_evaluated(answers: Answers) -> None:
    answers.fire(judged("Down"))
    with pytest.raises(ServiceFailedError, match="alerts are not evaluated"):
        firing(PLATFORM)


@pytest.mark.parametrize("platform", [PLATFORM, Platform("rofecare", (service("prometheus"),))])
def test_a_monitoring_that_does_not_answer(answers: Answers, platform: Platform) -> None:
    assert answers.by_port == {}
    with pytest.raises(ServiceFailedError, match="the monitoring does not answer") as caught:
        firing(platform)
    assert caught.value.next_step == "inv start-monitoring"


def test_the_sections_of_the_runbook() -> None:
    text = "# Title\n\nBefore.\n\n## One\nFirst.\n1. Do.\n\n## Two\nSecond.\n"
    assert sections(text) == {"One": "First.\n1. Do.", "Two": "Second."}
