"""Sends a test alert through Alertmanager, and reads what the mail server and the webhook answered.

Everything is done inside Alertmanager's container: with its settings, in its network, with or without a published port.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from rofecare_infra.engine import Container
from rofecare_infra.errors import ServiceFailedError, SettingsError
from rofecare_infra.platform import MONITORING
from rofecare_infra.process import inside, redact, run
from rofecare_infra.project import Project
from rofecare_infra.state import SYSTEM_CLOCK, Clock, poll

ALERTMANAGER = "alertmanager"
# As in docker/config/alertmanager.
_ALERT, _RECEIVER, _LISTING = "AlertTest", "test", "/tmp/people"  # noqa: S108 - inside the container
_URL = "http://127.0.0.1:9093"
# Seconds. Alertmanager tries for 30 s; afterwards the alert has ended, so that it is not sent again.
_LIFETIME = 25.0
_PATIENCE = 45.0
_POLL = 0.5
_TIMEOUT = 30.0
_METRIC = re.compile(
    r'^alertmanager_notification_requests(?P<failed>_failed)?_total\{integration="(?P<kind>\w+)",'
    rf'receiver_name="{_RECEIVER}"\}} (?P<count>\S+)$',
    re.MULTILINE,
)
# A mail server accepts a message with this code only, a webhook with any of these.
_ACCEPTED = {"email": "250, accepted", "webhook": "2xx, accepted"}
_TEXT = r'"(?:[^"\\]|\\.)*"'
_ATTEMPT = re.compile(
    rf"receiver={_RECEIVER} integration=(?P<name>\S+) aggrGroup=(?P<group>{_TEXT}).* err=(?P<error>{_TEXT})"
)
_END = re.compile(rf'msg="Notify for alerts failed".* err=(?P<error>{_TEXT})')
_PART = re.compile(rf"(?:^|; )(?={_RECEIVER}/\w+\[\d+\]: )")
_PREFIX = re.compile(r"^notify retry canceled (?:due to unrecoverable error )?after \d+ attempts: ")
# The type of a Go value before the words of the mail server.
_TYPE = re.compile(r"^\*\w+\.\w+ ")


@dataclass(frozen=True)
class Target:
    """A receiver of people, as Alertmanager runs with it."""

    # As Alertmanager numbers it, such as email[0].
    integration: str
    # As people are shown it; without what may be secret in the address of a webhook.
    name: str

    @property
    def kind(self) -> str:
        """`email` or `webhook`."""
        return self.integration.partition("[")[0]


@dataclass(frozen=True)
class Delivery:
    """What became of the test alert at one receiver."""

    receiver: str
    delivered: bool
    # What the other side answered, or why nothing reached it.
    answer: str


@dataclass(frozen=True)
class Sent:
    """A test alert, and its receivers."""

    id: str
    deliveries: tuple[Delivery, ...]

    @property
    def ok(self) -> bool:
        """Whether every receiver has it."""
        return all(one.delivered for one in self.deliveries)


def targets_of(listing: str, server: str) -> tuple[Target, ...]:
    """The receivers in the listing of the start script; `server` is that of mail."""
    found: list[Target] = []
    for line in listing.splitlines():
        kind, _, address = line.partition(" ")
        number = sum(one.kind == kind for one in found)
        name = f"mail to {address} through {server}" if kind == "email" else f"webhook {_origin(address)}"
        found.append(Target(f"{kind}[{number}]", name))
    return tuple(found)


def accepted(metrics: str) -> dict[str, int]:
    """Kind of integration -> how many notifications of tests were accepted since Alertmanager started."""
    found: dict[str, int] = {}
    for one in _METRIC.finditer(metrics):
        sign = -1 if one["failed"] else 1
        found[one["kind"]] = found.get(one["kind"], 0) + sign * int(float(one["count"]))
    return found


def refusals(lines: Sequence[str], test: str) -> dict[str, str]:
    """Integration -> the last error that Alertmanager logged for this test."""
    found: dict[str, str] = {}
    for line in lines:
        attempt, end = _ATTEMPT.search(line), _END.search(line)
        if attempt and test in attempt["group"]:
            found[attempt["name"]] = _unquoted(attempt["error"])
        elif end:
            # It names no group; the lines are those since this test began.
            for part in _PART.split(_unquoted(end["error"])):
                name, _, error = part.partition(": ")
                if name.startswith(f"{_RECEIVER}/"):
                    found[name.removeprefix(f"{_RECEIVER}/")] = _PREFIX.sub("", error)
    return {name: " ".join(_TYPE.sub("", error).split()) for name, error in found.items()}


def deliveries_of(targets: Sequence[Target], new: Mapping[str, int], errors: Mapping[str, str]) -> tuple[Delivery, ...]:
    """What is known of each receiver; `new`: how many of each kind accepted this test. Without an answer: not yet."""
    found = []
    for one in targets:
        alike = [other.integration for other in targets if other.kind == one.kind]
        open_ = [name for name in alike if name not in errors]
        count = new.get(one.kind, 0)
        if count >= len(alike) or (one.integration in open_ and count >= len(open_)):
            found.append(Delivery(one.name, delivered=True, answer=_ACCEPTED[one.kind]))
        else:
            found.append(Delivery(one.name, delivered=False, answer=redact(errors.get(one.integration, ""))))
    return tuple(found)


def send_test(project: Project, clock: Clock = SYSTEM_CLOCK) -> Sent:
    """Send one alert to everybody who receives alerts, and wait for their answers.

    Raises SettingsError if there is no receiver or Alertmanager runs with other settings, ServiceFailedError if it does
    not run.
    """
    container = _running(project)
    _require_current(project, container)
    wanted = _wanted(project)
    targets = targets_of(_listing(container), f"{wanted.get('SMTP_HOST', '')}:{wanted.get('SMTP_PORT', '')}")
    if not targets:
        raise SettingsError(
            "nobody receives alerts",
            seen="no ALERT_EMAIL with SMTP_HOST, and no ALERT_WEBHOOK",
            expected="a receiver in .env (docs/monitoring.md)",
            next_step="set it, then inv start-monitoring and inv alerts --test",
        )
    test, began = secrets.token_hex(4), clock.now()
    before = accepted(_metrics(container))
    _fire(container, test, began + _LIFETIME)

    def look() -> tuple[Delivery, ...]:
        now = accepted(_metrics(container))
        lines = [line for _, line in project.engine.past_log(container.id, since=began, tail=None)]
        new = {kind: count - before.get(kind, 0) for kind, count in now.items()}
        return deliveries_of(targets, new, refusals(lines, test))

    def known(seen: tuple[Delivery, ...]) -> bool:
        return all(one.answer for one in seen)

    for found in poll(look, known, every=_POLL, timeout=_PATIENCE, clock=clock):  # noqa: B007
        pass
    silent = f"no answer within {_PATIENCE:.0f} s"
    return Sent(test, tuple(one if one.answer else replace(one, answer=silent) for one in found))


def error_of(sent: Sent) -> ServiceFailedError:
    """The error of a test that did not reach everybody."""
    failed = [one for one in sent.deliveries if not one.delivered]
    return ServiceFailedError(
        f"{len(failed)} of {len(sent.deliveries)} receivers did not get the test alert",
        seen=f"{failed[0].receiver}: {failed[0].answer}",
        expected=expectation(failed[0].answer),
        next_step="correct the settings, then inv start-monitoring and inv alerts --test",
        details=[f"{one.receiver}: {one.answer}" for one in failed[1:]],
    )


def expectation(answer: str) -> str:
    """What has to be true for mail with this answer."""
    for pattern, expected in (
        (r"x509|certificate", "a certificate for the name in SMTP_HOST, of an authority that Alertmanager trusts"),
        (
            r"\b53[045]\b|\bauth\b",
            "SMTP_USERNAME and the secret smtp_password of the server; docker restart makes a new file visible",
        ),
        (r"STARTTLS|first record", "TLS as the port promises: from the first byte on 465, STARTTLS on 587"),
        (r"lookup|no such host", "a name that the containers of the monitoring can resolve"),
        (r"refused|timeout|no answer|route", "a server that the containers of the monitoring can reach"),
        (r"\b55\d\b|RCPT|MAIL", "recipients (ALERT_EMAIL) and a sender (ALERT_SENDER) that the server accepts"),
    ):
        if re.search(pattern, answer):
            return expected
    return "every receiver accepts the alert"


def _running(project: Project) -> Container:
    containers = project.engine.containers_of(project.platform.project, [ALERTMANAGER])
    found = next((one for one in containers if one.ready), None)
    if found is None:
        state = f"{ALERTMANAGER} is {containers[0].status}" if containers else "the monitoring is not running"
        raise ServiceFailedError(
            "Alertmanager does not answer",
            seen=state,
            expected="a running Alertmanager",
            next_step="inv start-monitoring",
        )
    return found


def _require_current(project: Project, container: Container) -> None:
    """The test is of what the settings say: refuse one of anything else."""
    lines = _inside(container, "env").splitlines()
    present = {name: value for name, _, value in (line.partition("=") for line in lines)}
    other = sorted(name for name, value in _wanted(project).items() if present.get(name) != value)
    if other:
        raise SettingsError(
            "Alertmanager runs with other settings",
            seen=f"different in its container: {', '.join(other)}",
            expected="the present settings",
            next_step="inv start-monitoring, then inv alerts --test",
        )


def _listing(container: Container) -> str:
    result = run(inside(container, "cat", _LISTING), check=False, timeout=_TIMEOUT)
    if not result.ok:
        raise SettingsError(
            "Alertmanager runs with another configuration",
            seen=f"no {_LISTING} in its container",
            expected="the present docker/config/alertmanager/start.sh",
            next_step=f"docker restart {container.name}, then inv alerts --test",
        )
    return result.stdout


def _wanted(project: Project) -> Mapping[str, str]:
    found = [one for one in project.platform.services if (one.name, one.phase) == (ALERTMANAGER, MONITORING)]
    return found[0].environment if found else {}


def _fire(container: Container, test: str, end: float) -> None:
    until = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _inside(
        container,
        *("amtool", "alert", "add", "--no-version-check", f"--alertmanager.url={_URL}", f"--end={until}"),
        *(
            f'--annotation=summary="This is test {test} of the alerts."',
            '--annotation=runbook="nothing: this is a test"',
        ),
        *(f"alertname={_ALERT}", "severity=test", f"test={test}"),
    )


def _metrics(container: Container) -> str:
    return _inside(container, "wget", "-q", "-O", "-", f"{_URL}/metrics")


def _inside(container: Container, *words: str) -> str:
    return run(inside(container, *words), timeout=_TIMEOUT).stdout


def _origin(address: str) -> str:
    """Scheme and host: the rest of a webhook's address is often a password."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or ''}" + (f":{parts.port}" if parts.port else "")


def _unquoted(text: str) -> str:
    """A quoted text of the log."""
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"')
