"""Monitoring of the whole platform: every queried metric exists, and no panel is empty."""

from __future__ import annotations

import re
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from tests.support.faults import A_BACKUP_FAILS, A_CLIENT_EXCEEDS_THE_LIMIT, A_SERVICE_HANGS, ONLY_AFTER
from tests.support.incidents import pool_exhausted
from tests.support.load import Account, Load
from tests.support.platform import PlatformUnderTest
from tests.support.promql import Found, asked_for, dashboards, filled, queries_of_dashboards
from tests.support.routes import PATHS, READS

Json = dict[str, Any]
pytestmark = [pytest.mark.full, pytest.mark.timeout(1200)]

# Seconds of traffic before the first query.
_TRAFFIC = 120
_RATE = 5
_PATIENCE = 90
# Long enough for requests to time out and for two scrapes.
_HANGS = 35
# Requests at once; the limit of an address is a burst of 200 and 100 a second.
_AT_ONCE = 800


class Prometheus:
    """Queries to the Prometheus of the platform."""

    def __init__(self, base: str) -> None:
        self._base = f"{base}/api/v1"

    def ask(self, path: str, **values: str) -> Any:
        """The data of an answer; an error fails the test."""
        answer = requests.get(f"{self._base}/{path}", params=values, timeout=30)
        assert answer.ok, answer.text
        return answer.json()["data"]

    def labels(self, metric: str) -> frozenset[str]:
        """The labels that series of this metric have; none at all where there is no series."""
        series: list[Json] = self.ask("series", **{"match[]": metric})
        return frozenset(label for one in series for label in one)

    def has_data(self, expr: str) -> bool:
        """Whether the query gives anything now."""
        data = self.ask("query", query=expr)
        return bool(data["result"])


@pytest.fixture(scope="module")
def monitored(platform: PlatformUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The platform with its monitoring, after minutes of traffic; yields the output of the start."""
    backups = {"BACKUP_DIR": str(tmp_path_factory.mktemp("backups"))}
    # Alertmanager counts notifications of the receivers that it has.
    receivers = {"ALERT_WEBHOOK": "http://localhost:9093/"}
    output = platform.expect(0, "start-monitoring", timeout=600, environment={**backups, **receivers})
    with Load(f"http://127.0.0.1:{platform.ports['GATEWAY_PORT']}", READS, rate=_RATE, login=Account()):
        end = time.monotonic() + _TRAFFIC
        # The metrics of backups exist after the first backup and the first verification.
        platform.expect(0, "backup", environment=backups)
        platform.expect(0, "verify-backup", environment=backups)
        # Besides the reads: records that are written, and the events that the services send.
        platform.wait_for_smoke()
        while time.monotonic() < end:
            platform.expect(0, "smoke")
        yield output
    platform.expect(0, "stop-monitoring")


@pytest.fixture(scope="module")
def prometheus(platform: PlatformUnderTest, monitored: str) -> Prometheus:
    assert monitored
    return Prometheus(f"http://127.0.0.1:{platform.ports['PROMETHEUS_PORT']}")


def test_omitted_services_are_reported_once(platform: PlatformUnderTest, monitored: str) -> None:
    prefix = "omitted, available only from an image registry"
    omitted = [line for line in monitored.splitlines() if line.startswith(prefix)]
    assert len(omitted) == 1
    assert "grafana" in omitted[0]
    assert "grafana" not in platform.containers()
    output = platform.expect(0, "status")
    assert "grafana" not in output


def test_every_target_is_up(prometheus: Prometheus) -> None:
    targets = prometheus.ask("targets", state="active")["activeTargets"]
    assert len(targets) > 40
    assert [
        (one["labels"]["job"], one["labels"]["instance"], one["lastError"]) for one in targets if one["health"] != "up"
    ] == []


def _exists(prometheus: Prometheus, name: str) -> bool:
    """Whether there is a series of this metric, with this label, with a queried value."""
    metric, _, part = name.removesuffix("}").partition("{")
    if part and not re.fullmatch(r"\w+", part):
        return bool(prometheus.ask("series", **{"match[]": name}))
    return part in prometheus.labels(metric) if part else bool(prometheus.labels(metric))


def test_every_queried_metric_exists(prometheus: Prometheus) -> None:
    asked = asked_for()
    assert len(asked) > 300
    dead = {name: where for name, where in asked.items() if not _exists(prometheus, name)}
    assert {name: where for name, where in dead.items() if name not in ONLY_AFTER} == {}


def _filled(prometheus: Prometheus, found: Found, board: Json) -> Iterator[str]:
    """The query once for each value of what can be chosen."""
    chosen = {one["name"] for one in board.get("templating", {}).get("list", ())}
    if "part" not in chosen:
        yield filled(found.expr, {"service": ".*"})
        return
    for one in prometheus.ask("series", **{"match[]": 'probe_success{job="readiness",service=~"rofecare-service-.+"}'}):
        yield filled(found.expr, {"service": one["service"], "part": one["part"]})


def test_no_panel_is_empty(prometheus: Prometheus) -> None:
    boards = dashboards()
    questions = [
        (found.where, expr)
        for found in queries_of_dashboards()
        for expr in _filled(prometheus, found, boards[found.where.partition(":")[0]])
    ]
    assert len(questions) > 100
    empty = _empty(prometheus, questions)
    # A rate needs two scrapes of a series that may be new.
    end = time.monotonic() + _PATIENCE
    while empty and time.monotonic() < end:
        empty = _empty(prometheus, empty)
    assert empty == []


def _empty(prometheus: Prometheus, questions: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(where, expr) for where, expr in questions if not prometheus.has_data(expr)]


def test_no_log_panel_is_empty(platform: PlatformUnderTest, monitored: str) -> None:
    assert monitored
    base = f"http://127.0.0.1:{platform.ports['ELASTICSEARCH_PORT']}"
    indices = {"elasticsearch": "logs-*", "spans": "zipkin-span-*"}
    asked = 0
    for name, board in dashboards().items():
        for panel in board["panels"]:
            for target in panel.get("targets", ()):
                if target["datasource"]["type"] != "elasticsearch":
                    continue
                asked += 1
                query = target["query"].replace("$service", "*")
                found = requests.get(
                    f"{base}/{indices[target['datasource']['uid']]}/_search",
                    params={"q": f"{query} AND _exists_:{target['timeField']}", "size": "1"},
                    timeout=30,
                ).json()
                assert found["hits"]["hits"], (name, panel["title"], query)
    assert asked >= 4


def _a_backup_fails(platform: PlatformUnderTest) -> None:
    with platform.fault("finance-db", "pause", "unpause"), tempfile.TemporaryDirectory() as folder:
        assert platform.inv("backup", environment={"BACKUP_DIR": folder})[0] != 0


def _a_service_hangs(platform: PlatformUnderTest) -> None:
    with platform.hanging("rofecare-service-finance"):
        time.sleep(_HANGS)


def _a_client_exceeds_the_limit(platform: PlatformUnderTest) -> None:
    """All requests are sent before the first is answered: more than the limit of one address."""
    address = ("127.0.0.1", platform.ports["GATEWAY_PORT"])
    request = f"GET {PATHS['identity']}/health HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n".encode()
    with ExitStack() as callers:
        lines = [callers.enter_context(socket.create_connection(address, timeout=60)) for _ in range(_AT_ONCE)]
        for line in lines:
            line.sendall(request)
        answers = Counter(line.recv(65536).split(maxsplit=2)[1] for line in lines)
    assert answers[b"429"], answers


FAULTS: dict[str, Callable[[PlatformUnderTest], None]] = {
    A_BACKUP_FAILS: _a_backup_fails,
    A_SERVICE_HANGS: _a_service_hangs,
    A_CLIENT_EXCEEDS_THE_LIMIT: _a_client_exceeds_the_limit,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_metrics_of_faults_exist_after_the_fault(
    platform: PlatformUnderTest, prometheus: Prometheus, fault: str
) -> None:
    expected = {name for name, cause in ONLY_AFTER.items() if cause == fault}
    assert expected
    FAULTS[fault](platform)
    end = time.monotonic() + _PATIENCE
    while missing := {name for name in expected if not _exists(prometheus, name)}:
        assert time.monotonic() < end, missing
        time.sleep(1)


def test_a_locked_table_keeps_the_database_up_and_connections_few(
    platform: PlatformUnderTest, prometheus: Prometheus
) -> None:
    """The service aborts each request after some seconds; its query must not wait on in the database."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    with pool_exhausted(platform, "pharmacy"):
        time.sleep(_HANGS + 10)
        connections = int(platform.sql("pharmacy-db", count))
        seen = prometheus.ask("query", query='min_over_time(pg_up{part="pharmacy"}[30s])')["result"]
    assert [one["value"][1] for one in seen] == ["1"]
    # The pool, its connections that are not closed yet, the monitoring, and this test.
    assert connections <= 10 + 10 + 5 + 2
