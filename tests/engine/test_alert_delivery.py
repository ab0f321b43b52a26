"""`inv alerts --test`: from the real Alertmanager to a real mail server, and what it says of the answers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.authority import Authority
from tests.support.images import build
from tests.support.lease import free_port
from tests.support.logs import Logs
from tests.support.mail import IMPLICIT, UNKNOWN, USER, Mailbox, mail_server
from tests.support.project import INV, REPOSITORY
from tests.support.webhook import Receiver, address, receiver

Json = dict[str, Any]

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
_HOST = "mail.his.example"
_PASSWORD = "correct"


class Alerting:
    """An Alertmanager that informs people through the servers of this test."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        (folder / "secrets").mkdir(mode=0o755)
        for name in (
            "smtp_password",
            "monitoring_db_password",
            "redis_password",
            "grafana_admin_password",
        ):
            (folder / "secrets" / name).write_text(_PASSWORD)
        service: Json = {
            "extra_hosts": {_HOST: address()},
            "environment": {"SSL_CERT_FILE": "/authority.pem"},
            "volumes": [f"{authority.root}:/authority.pem:ro"],
        }
        self._logs = Logs(folder, {"alertmanager": service}, SECRETS_DIR=str(folder / "secrets"), **_MODE)

    def start(self, **settings: str) -> None:
        """Start Alertmanager with these settings."""
        self._logs.environment |= {"SMTP_HOST": _HOST, "SMTP_USERNAME": USER, "ALERT_SENDER": "HIS <his@his.example>"}
        self._logs.environment |= settings
        self._logs.start("alertmanager")

    def test(self, *words: str, **settings: str) -> tuple[int, str]:
        """Run the command; return its exit code and output."""
        # Port 0 is any port for the engine, and no setting.
        given = {name: value for name, value in self._logs.environment.items() if value != "0"}
        environment = {**os.environ, **given, **settings}
        argv = [str(INV), "--search-root", str(REPOSITORY), "alerts", "--test", *words]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False, timeout=100)
        return done.returncode, done.stdout + done.stderr

    def stop(self) -> None:
        """Remove everything."""
        self._logs.stop()


_MODE = {"IMAGES": "packages", "SERVICES": "reference", "IMAGE_PREFIX": ""}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def alerting(engine: object, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alerting]:
    assert engine is not None
    build("alertmanager")
    it = Alerting(tmp_path_factory.mktemp("alerting"), authority)
    try:
        yield it
    finally:
        it.stop()


@pytest.fixture
def implicit(authority: Authority) -> Iterator[Mailbox]:
    try:
        with mail_server(address(), IMPLICIT, authority.issue(_HOST, days=30), _PASSWORD) as it:
            yield it
    except PermissionError:
        pytest.skip("listening on port 465 requires root")


@pytest.fixture
def starttls(authority: Authority) -> Iterator[Mailbox]:
    with mail_server(address(), free_port(), authority.issue(_HOST, days=30), _PASSWORD) as it:
        yield it


@pytest.fixture
def webhook() -> Iterator[Receiver]:
    with receiver() as it:
        yield it


def test_tls_from_the_first_byte_and_a_webhook(alerting: Alerting, implicit: Mailbox, webhook: Receiver) -> None:
    recipients = f"Ward 2 <ward2@his.example>, {UNKNOWN}"
    alerting.start(ALERT_EMAIL=recipients, SMTP_PORT=str(IMPLICIT), ALERT_WEBHOOK=webhook.url)
    code, output = alerting.test("--json")
    assert code == 7, output
    found = json.loads(output.splitlines()[0])
    assert [one["delivered"] for one in found["deliveries"]] == [True, False, True], output
    assert "550 5.1.1 no such mailbox" in found["deliveries"][1]["answer"]
    ((to, text),) = implicit.messages
    assert to == "ward2@his.example"
    assert f"This is test {found['id']} of the alerts." in text
    assert "From: HIS <his@his.example>" in text
    assert [one["status"] for one in webhook.messages] == ["firing"]


def test_starttls_then_a_wrong_password_then_other_settings(alerting: Alerting, starttls: Mailbox) -> None:
    alerting.start(ALERT_EMAIL="ward2@his.example", SMTP_PORT=str(starttls.port), ALERT_WEBHOOK="")
    code, output = alerting.test()
    assert code == 0, output
    assert f"mail to ward2@his.example through {_HOST}:{starttls.port}  250, accepted" in output
    assert [to for to, _ in starttls.messages] == ["ward2@his.example"]

    starttls.password = "another"
    code, output = alerting.test()
    assert code == 7, output
    assert "535 5.7.8 Authentication credentials invalid" in output
    assert "smtp_password" in output
    assert len(starttls.messages) == 1

    code, output = alerting.test(ALERT_EMAIL="other@his.example")
    assert code == 3, output
    assert "ALERT_EMAIL" in output
