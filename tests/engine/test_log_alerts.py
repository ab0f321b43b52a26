"""A fault of the logs sends one alert, and one when it ends: from the fault to the webhook, with the real programs.

The rules and routes are the ones of this checkout with shorter times: an alert that waits for minutes, and is over
after ten, would make the test as long. What is not started here is not scraped.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from tests.support.images import build
from tests.support.logs import Logs, talker, until
from tests.support.project import REPOSITORY
from tests.support.webhook import Receiver, receiver

Json = dict[str, Any]

pytestmark = [pytest.mark.full, pytest.mark.timeout(900)]

STARTED = (
    "elasticsearch",
    "log-keeper",
    "log-shipper",
    "elasticsearch-exporter",
    "node-exporter",
    "alertmanager",
    "prometheus",
)
TIMES = {
    r"\bfor: [1-9]\d*[ms]": "for: 25s",
    r"keep_firing_for: \d+[ms]": "keep_firing_for: 20s",
    r"\[\d+m\]": "[1m]",
    r"(scrape|evaluation)_interval: 15s": r"\1_interval: 3s",
    r"scrape_timeout: 10s": "scrape_timeout: 3s",
    r"group_interval: 2m": "group_interval: 5s",
    r"group_wait: 15s": "group_wait: 3s",
}
_FIRST_LOOKS = 15  # seconds


def shortened(folder: Path) -> None:
    """Copy the rules and the routes, with shorter times and only what is started here."""
    for name in ("prometheus", "alertmanager"):
        shutil.copytree(REPOSITORY / "docker" / "config" / name, folder / name)
        (folder / name).chmod(0o755)
    for path in [*folder.rglob("*.yml")]:
        text = path.read_text(encoding="utf-8")
        for pattern, time_ in TIMES.items():
            text = re.sub(pattern, time_, text)
        path.write_text(text, encoding="utf-8")
    settings: Json = yaml.safe_load((folder / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    settings["scrape_configs"] = [
        job for job in settings["scrape_configs"] if job["job_name"] in {"host", "monitoring"}
    ]
    for job in settings["scrape_configs"]:
        job["static_configs"] = [one for one in job["static_configs"] if one["labels"]["service"] in STARTED]
    (folder / "prometheus" / "prometheus.yml").write_text(json.dumps(settings))
    for path in (folder / "prometheus" / "alerts").iterdir():
        # The machine of the test may cause other alerts.
        if path.stem not in {"logs", "monitoring"}:
            path.unlink()


@pytest.fixture(scope="module")
def received() -> Iterator[Receiver]:
    with receiver() as it:
        yield it


@pytest.fixture(scope="module")
def logs(engine: object, received: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    assert engine is not None
    build(*(name for name in STARTED if name != "log-keeper"))
    folder = tmp_path_factory.mktemp("alerts")
    shortened(folder)
    for name in ("metrics", "secrets"):
        (folder / name).mkdir(mode=0o755)
    (folder / "secrets" / "smtp_password").write_text("none")
    services: Json = {
        "strange": talker("""printf '{"log":"no object"}\\n'; sleep infinity"""),
        "prometheus": {"volumes": [f"{folder}/prometheus:/etc/prometheus:ro"]},
        "alertmanager": {"volumes": [f"{folder}/alertmanager:/etc/alertmanager:ro"]},
        "node-exporter": {"volumes": [f"{folder}/metrics:/metrics:ro"]},
    }
    made = Logs(folder, services, SECRETS_DIR=str(folder / "secrets"))
    try:
        made.start("elasticsearch")
        made.environment["ALERT_WEBHOOK"] = received.url
        made.start(*STARTED[1:])
        # Increases before the first scrape are not counted.
        time.sleep(_FIRST_LOOKS)
        yield made
    finally:
        made.stop()


def one_message_each(
    logs: Logs, received: Receiver, name: str, fault: Callable[[], None], end: Callable[[], None]
) -> None:
    """One message when the fault begins, one when it ends, and no other."""
    received.messages.clear()
    fault()
    assert until(120, lambda: ("firing", {name}) in received.about()), (
        received.about(),
        logs.docker("logs", "alertmanager"),
    )
    # Any further message would have arrived by now.
    time.sleep(15)
    end()
    assert until(240, lambda: ("resolved", {name}) in received.about()), received.about()
    time.sleep(10)
    assert received.about() == [("firing", {name}), ("resolved", {name})]


def test_healthy_logs_send_no_alert(logs: Logs, received: Receiver) -> None:
    assert logs.is_healthy("prometheus")()
    assert received.messages == []


def test_a_rejected_line_sends_one_alert(logs: Logs, received: Receiver) -> None:
    def refuse() -> None:
        logs.compose("up", "--detach", "--no-deps", "strange")

    one_message_each(logs, received, "LogsRefused", refuse, lambda: None)


def test_a_stopped_store_sends_one_alert(logs: Logs, received: Receiver) -> None:
    def kill() -> None:
        logs.docker("kill", "elasticsearch")

    def start() -> None:
        logs.docker("start", "elasticsearch")

    one_message_each(logs, received, "LogStoreDown", kill, start)
