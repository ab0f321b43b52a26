"""What the start script of Alertmanager writes for the settings of mail."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

Json = dict[str, Any]


def receivers(root: Path, folder: Path, **settings: str) -> dict[str, Json]:
    """The receivers, by their names, in the configuration that is written for these settings."""
    source = root / "docker" / "config" / "alertmanager"
    script = (source / "start.sh").read_text(encoding="utf-8")
    for path, ours in (
        ("/etc/alertmanager/routes.yml", str(source / "routes.yml")),
        ("/tmp/alertmanager.yml", str(folder / "alertmanager.yml")),  # noqa: S108 - as in the container
        ("/tmp/people", str(folder / "people")),  # noqa: S108 - the same
        ("exec /bin/alertmanager", "exec true"),
    ):
        assert path in script
        script = script.replace(path, ours)
    subprocess.run(["sh", "-c", script], env={"PATH": "/usr/bin:/bin", **settings}, check=True)
    written = yaml.safe_load((folder / "alertmanager.yml").read_text(encoding="utf-8"))
    return {one["name"]: one for one in written["receivers"]}


def mails(root: Path, folder: Path, **settings: str) -> list[Json]:
    """The receivers of mail."""
    found: list[Json] = receivers(root, folder, **settings)["people"].get("email_configs", [])
    return found


@pytest.mark.parametrize(("port", "starttls"), [("587", True), ("2525", True), ("465", False), ("25", False)])
def test_tls_from_the_first_byte_or_after_a_greeting(root: Path, tmp_path: Path, port: str, *, starttls: bool) -> None:
    (mail,) = mails(root, tmp_path, ALERT_EMAIL="a@his.example", SMTP_HOST="mail.example", SMTP_PORT=port)
    assert (mail["smarthost"], mail["require_tls"]) == (f"mail.example:{port}", starttls)


@pytest.mark.parametrize(
    ("settings", "sender"),
    [
        ({}, "rofecare@mail.example"),
        ({"SMTP_USERNAME": "apikey"}, "rofecare@mail.example"),
        ({"SMTP_USERNAME": "his@mail.example"}, "his@mail.example"),
        ({"SMTP_USERNAME": "apikey", "ALERT_SENDER": "HIS <his@mail.example>"}, "HIS <his@mail.example>"),
    ],
)
def test_the_sender_is_an_address(root: Path, tmp_path: Path, settings: dict[str, str], sender: str) -> None:
    (mail,) = mails(root, tmp_path, ALERT_EMAIL="a@his.example", SMTP_HOST="mail.example", **settings)
    assert mail["from"] == sender
    assert mail.get("auth_username") == settings.get("SMTP_USERNAME")


def test_recipients_have_names_or_not(root: Path, tmp_path: Path) -> None:
    written = 'Ward 2 <ward2@his.example>,  b@his.example ,"A B" <c@his.example>,'
    found = mails(root, tmp_path, ALERT_EMAIL=written, SMTP_HOST="mail.example")
    assert [one["to"] for one in found] == ["Ward 2 <ward2@his.example>", "b@his.example", '"A B" <c@his.example>']


def test_without_a_recipient_or_a_server_no_mail_is_sent(root: Path, tmp_path: Path) -> None:
    assert mails(root, tmp_path, ALERT_EMAIL="a@his.example") == []
    assert mails(root, tmp_path, SMTP_HOST="mail.example") == []


def test_a_test_goes_to_the_same_receivers_in_the_same_order(root: Path, tmp_path: Path) -> None:
    """What it sends, and what `inv alerts --test` reads of it; but no message when it is over."""
    settings = {"ALERT_EMAIL": "A <a@his.example>, b@his.example", "SMTP_HOST": "mail.example"}
    found = receivers(root, tmp_path, **settings, SMTP_USERNAME="u", ALERT_WEBHOOK="https://hooks.example/x")
    for kind in ("email_configs", "webhook_configs"):
        assert [{**one, "send_resolved": True} for one in found["test"][kind]] == found["people"][kind]
        assert {one["send_resolved"] for one in found["test"][kind]} == {False}
    listed = (tmp_path / "people").read_text(encoding="utf-8")
    assert listed == "email A <a@his.example>\nemail b@his.example\nwebhook https://hooks.example/x\n"
    receivers(root, tmp_path, ALERT_EMAIL="a@his.example")
    assert (tmp_path / "people").read_text(encoding="utf-8") == ""
