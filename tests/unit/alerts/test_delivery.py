"""A test alert: to whom it goes, what Alertmanager logs and counts of it, and what that means for each receiver."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from rofecare_infra.alerts import delivery, error_of, send_test
from rofecare_infra.alerts.delivery import (
    Delivery,
    Sent,
    Target,
    accepted,
    deliveries_of,
    expectation,
    refusals,
    targets_of,
)
from rofecare_infra.errors import ServiceFailedError, SettingsError
from rofecare_infra.process import Result
from rofecare_infra.project import Project
from tests.support.fakes import FakeClock, FakeEngine, container, project_of, service

LISTING = "email Ward 2 <a@his.example>\nemail b@his.example\nwebhook https://hooks.example/services/secret\n"
A, B, W = targets_of(LISTING, "mail.example:587")
ATTEMPT = (
    'level=WARN msg="Notify attempt failed, will retry later" component=dispatcher receiver=test integration={} '
    r'aggrGroup="{{}}/{{alertname=\"AlertTest\"}}:{{test=\"{}\"}}" attempts=1 err="{}"'
)
END = 'level=ERROR msg="Notify for alerts failed" component=dispatcher num_alerts=1 err="{}"'
COUNTS = """alertmanager_notification_requests_failed_total{integration="email",receiver_name="people"} 7
alertmanager_notification_requests_failed_total{integration="email",receiver_name="test"} 2
alertmanager_notification_requests_total{integration="email",receiver_name="people"} 9
alertmanager_notification_requests_total{integration="email",receiver_name="test"} 3
alertmanager_notification_requests_total{integration="webhook",receiver_name="test"} 1e+00
"""


def test_the_receivers_without_the_secret_part_of_a_webhook() -> None:
    assert targets_of(LISTING, "mail.example:587") == (
        Target("email[0]", "mail to Ward 2 <a@his.example> through mail.example:587"),
        Target("email[1]", "mail to b@his.example through mail.example:587"),
        Target("webhook[0]", "webhook https://hooks.example"),
    )
    assert targets_of("", ":587") == ()


def test_only_tests_are_counted() -> None:
    assert accepted(COUNTS) == {"email": 1, "webhook": 1}


def test_the_errors_of_this_test() -> None:
    ended = (
        "test/webhook[0]: notify retry canceled due to unrecoverable error after 1 attempts: "
        "unexpected status code 405\\n; "
        "test/email[1]: notify retry canceled after 10 attempts: no such host; people/email[0]: other"
    )
    lines = [
        ATTEMPT.format("email[0]", "abc", "*smtp.plainAuth auth: 535 5.7.8 wrong"),
        ATTEMPT.format("email[1]", "old", "x"),
    ]
    assert refusals(lines, "abc") == {"email[0]": "auth: 535 5.7.8 wrong"}
    assert refusals([END.format(ended)], "abc") == {
        "webhook[0]": "unexpected status code 405",
        "email[1]": "no such host; people/email[0]: other",
    }


@pytest.mark.parametrize(
    ("new", "errors", "answers"),
    [
        ({}, {}, ["", "", ""]),
        ({"email": 2, "webhook": 1}, {}, ["250, accepted", "250, accepted", "2xx, accepted"]),
        # Which of the two accepted it is not known yet.
        ({"email": 1}, {}, ["", "", ""]),
        ({"email": 1}, {"email[1]": "550 no"}, ["250, accepted", "550 no", ""]),
        # It was accepted when Alertmanager tried again.
        ({"email": 2}, {"email[1]": "450 later"}, ["250, accepted", "250, accepted", ""]),
    ],
)
def test_what_is_known_of_each_receiver(new: dict[str, int], errors: dict[str, str], answers: list[str]) -> None:
    found = deliveries_of((A, B, W), new, errors)
    assert [one.answer for one in found] == answers
    assert all(one.delivered == ("accepted" in one.answer) for one in found)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ("auth: 535 5.7.8 Authentication failed", "smtp_password"),
        ("send STARTTLS command: tls: failed to verify certificate: x509: unknown authority", "SMTP_HOST"),
        ("'require_tls' is true (default) but does not advertise the STARTTLS extension", "465"),
        ("dial tcp: lookup mail.example on 127.0.0.11:53: no such host", "resolve"),
        ("dial tcp 10.0.0.1:587: connect: connection refused", "reach"),
        ("no answer within 45 s", "reach"),
        ("send RCPT command: 550 5.1.1 no such mailbox", "ALERT_EMAIL"),
        ("unexpected status code 500", "accepts"),
    ],
)
def test_what_an_answer_means(answer: str, word: str) -> None:
    assert word in expectation(answer)


def test_the_first_that_failed_is_the_error_and_the_others_follow() -> None:
    bad = [Delivery("a", delivered=False, answer="535"), Delivery("b", delivered=False, answer="550")]
    error = error_of(Sent("abc", (Delivery("w", delivered=True, answer="2xx"), *bad)))
    assert (error.what, error.seen, error.details) == (
        "2 of 3 receivers did not get the test alert",
        "a: 535",
        ("b: 550",),
    )


@dataclass
class Inside:
    """What the commands in Alertmanager's container print; the counts rise once the alert is there."""

    environment: str = "ALERT_EMAIL=a@his.example\nHOME=/\n"
    listing: str | None = "email a@his.example\n"
    fired: list[str] = field(default_factory=list)
    accepts: bool = True

    def run(self, argv: Sequence[str], **_options: object) -> Result:
        _docker, _exec, name, *words = argv
        assert name == "rofecare-alertmanager-1"
        if words[0] == "amtool":
            self.fired.append(shlex.join(words))
        count = 1 + (bool(self.fired) and self.accepts)
        metrics = f'alertmanager_notification_requests_total{{integration="email",receiver_name="test"}} {count}\n'
        if words[0] == "cat" and self.listing is None:
            return Result(tuple(argv), 1, "", "cat: can't open '/tmp/people'")
        said = {"env": self.environment, "cat": self.listing or "", "wget": metrics, "amtool": ""}[words[0]]
        return Result(tuple(argv), 0, said, "")


class Logging(FakeEngine):
    """An engine whose containers log nothing."""

    def past_log(self, container: str, *, since: float | None, tail: int | None) -> list[tuple[str, str]]:
        """No lines."""
        assert (container, since, tail) == ("id-alertmanager", 100.0, None)
        return []


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Inside:
    it = Inside()
    monkeypatch.setattr(delivery, "run", it.run)
    return it


def opened(**more: object) -> Project:
    alertmanager = service("alertmanager", "monitoring", environment={"ALERT_EMAIL": "a@his.example"})
    return project_of([alertmanager], Logging([container("alertmanager", **more)]))


def test_it_is_sent_at_once_and_ends_by_itself(inside: Inside) -> None:
    sent = send_test(opened(), FakeClock().clock)
    assert sent.ok
    (fired,) = inside.fired
    assert "--end=1970-01-01T00:02:05Z" in fired
    assert f"test={sent.id}" in fired


def test_no_answer_is_a_failure_in_the_end(inside: Inside) -> None:
    inside.accepts = False
    sent = send_test(opened(), FakeClock().clock)
    assert [(one.delivered, one.answer) for one in sent.deliveries] == [(False, "no answer within 45 s")]


def test_nobody_is_to_be_informed(inside: Inside) -> None:
    inside.listing = ""
    with pytest.raises(SettingsError, match="nobody receives alerts"):
        send_test(opened(), FakeClock().clock)
    assert inside.fired == []


def test_a_container_of_an_earlier_version_has_no_list(inside: Inside) -> None:
    inside.listing = None
    with pytest.raises(SettingsError) as caught:
        send_test(opened(), FakeClock().clock)
    assert caught.value.next_step.startswith("docker restart rofecare-alertmanager-1")
    assert inside.fired == []


def test_other_settings_than_those_it_runs_with_are_not_tested(inside: Inside) -> None:
    inside.environment = "ALERT_EMAIL=old@his.example\n"
    with pytest.raises(SettingsError) as caught:
        send_test(opened(), FakeClock().clock)
    assert "ALERT_EMAIL" in caught.value.seen
    assert inside.fired == []


@pytest.mark.usefixtures("inside")
def test_alertmanager_does_not_run() -> None:
    with pytest.raises(ServiceFailedError, match="does not answer"):
        send_test(opened(status="exited"), FakeClock().clock)
