"""What is logged arrives, once, whatever happens to the shipper, the store and the files: against the real ones."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.project import IMAGE, INV, REPOSITORY

Json = dict[str, Any]

pytestmark = pytest.mark.timeout(1500)

# One round is for every day; ten are the full test: 20,000 lines, a store that is away for half a minute.
ROUNDS = int(os.environ.get("ROFECARE_FAULT_ROUNDS", "1"))
LINES = 700 * ROUNDS
OUTAGE = min(30, 5 * ROUNDS)
LABELS = "com.docker.compose.project,com.docker.compose.service"

# A line of its own number, some structured and some plain, at a steady rate; the word is what it is found by.
TALK = """
for ((n = 0; n < LINES; n++)); do
    if ((n % 3)); then printf '{"message":"%s %06d","log.level":"INFO","n":%d}\\n' "$WORD" $n $n
    else printf '%s %06d\\n' "$WORD" $n; fi
    if ((n % 25 == 0)); then sleep 0.2; fi
done
sleep infinity
"""
LONG = "head -c 40000 /dev/zero | tr '\\\\0' x; echo ' the end of the long line'; "
STRANGE = """printf 'Exception in thread main\\n\\tat a.b(C.java:1)\\nCaused by: d\\n'
printf '{"log":"no object","message":"a line that is refused"}\\n'; sleep infinity"""


class Logs:
    """The shipper, the keeper and the store of this checkout, under a name of their own, and who talks."""

    def __init__(self, folder: Path) -> None:
        self.name = f"logs-{uuid.uuid4().hex[:8]}"
        self.words = {name: f"{name}{uuid.uuid4().hex[:6]}" for name in ("one", "two", "three")}
        talker = {
            "image": IMAGE,
            "init": True,
            # Files so small that they are rotated while they are read.
            "logging": {"driver": "json-file", "options": {"max-size": "100k", "max-file": "15", "labels": LABELS}},
        }
        services: Json = {
            name: {**talker, "command": ["bash", "-c", TALK.replace("LINES", str(LINES)).replace("$WORD", word)]}
            for name, word in self.words.items()
        }
        services["strange"] = {**talker, "command": ["bash", "-c", LONG.replace("\\\\0", "\\0") + STRANGE]}
        # What only this test needs: a port that is free.
        services["elasticsearch"] = {"ports": ["127.0.0.1::9200"]}
        self._overlay = folder / "talkers.json"
        text = json.dumps({"services": services}).replace("$", "$$")
        self._overlay.write_text(text)

    def compose(self, *words: str) -> str:
        files = ("docker-compose.monitoring.yml", "docker-compose.monitoring.packages.yml")
        chosen = [word for name in files for word in ("-f", str(REPOSITORY / "docker" / name))]
        environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.name,
            "ELASTICSEARCH_PORT": "0",
        }
        done = subprocess.run(
            ["docker", "compose", *chosen, "-f", str(self._overlay), *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def docker(self, verb: str, service: str, *words: str) -> str:
        argv = ["docker", verb, f"{self.name}-{service}-1", *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def is_healthy(self, service: str) -> Callable[[], bool]:
        return lambda: self.docker("inspect", service, "--format", "{{.State.Health.Status}}").strip() == "healthy"

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """Ask the store; a start gives it another port."""
        address = self.compose("port", "elasticsearch", "9200")
        request = urllib.request.Request(
            f"http://{address}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return json.loads(response.read() or b"null")

    def messages(self, service: str, index: str = "logs-*") -> list[str]:
        found = self.ask(
            "POST",
            f"/{index}/_search?ignore_unavailable=true",
            {
                "size": 10_000,
                "_source": ["message"],
                "query": {"term": {"compose.service": service}},
                "sort": [{"@timestamp": "asc"}, {"sequence": "asc"}],
            },
        )
        return [hit["_source"]["message"] for hit in found["hits"]["hits"]]

    def indices(self) -> set[str]:
        return {one["index"] for one in self.ask("GET", "/_cat/indices?format=json")}


def until(seconds: float, done: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if done():
                return True
        except (OSError, AssertionError):
            pass  # the store is just coming back
        time.sleep(1)
    return False


@pytest.fixture(scope="module")
def logs(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    assert engine is not None
    environment = {**os.environ, "IMAGES": "packages", "SERVICES": "reference"}
    built = subprocess.run(
        [str(INV), "build", "elasticsearch", "log-shipper"],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    made = Logs(tmp_path_factory.mktemp("logs"))
    try:
        for name in ("elasticsearch", "log-keeper", "log-shipper"):
            made.compose("up", "--detach", "--no-deps", name)
            assert until(600, made.is_healthy(name)), made.docker("logs", name)
        yield made
    finally:
        made.compose("down", "--volumes", "--timeout", "3", "--remove-orphans")


def test_nothing_is_lost_and_nothing_comes_twice(logs: Logs) -> None:
    logs.compose("up", "--detach", "--no-deps", *logs.words)
    over = threading.Event()

    def kill_the_shipper() -> None:
        for _ in range(2 * ROUNDS):
            if over.wait(2.5):
                return
            logs.docker("kill", "log-shipper")
            logs.docker("start", "log-shipper")

    killer = threading.Thread(target=kill_the_shipper)
    killer.start()
    time.sleep(3)
    logs.docker("kill", "elasticsearch")
    time.sleep(OUTAGE)
    logs.docker("start", "elasticsearch")
    killer.join()
    over.set()
    expected = {name: [f"{word} {number:06d}" for number in range(LINES)] for name, word in logs.words.items()}
    complete = until(900, lambda: all(len(set(logs.messages(name))) >= LINES for name in expected))
    for name, lines in expected.items():
        counted = Counter(logs.messages(name))
        lost = [line for line in lines if line not in counted]
        twice = [line for line, count in counted.items() if count > 1]
        assert (lost[:5], twice[:5], len(lost), len(twice)) == ([], [], 0, 0), name
        assert logs.messages(name) == lines, "in their order"
    assert complete


def test_a_long_line_a_stack_trace_and_a_line_that_is_refused(logs: Logs) -> None:
    logs.compose("up", "--detach", "--no-deps", "strange")
    assert until(300, lambda: len(logs.messages("strange", "logs-refused-*")) == 1)
    assert until(120, lambda: len(logs.messages("strange")) == 5)
    (refused,) = logs.messages("strange", "logs-refused-*")
    assert "a line that is refused" in refused
    lines = logs.messages("strange")
    assert [len(line) for line in lines if line.startswith("xxx")] == [40_000 + len(" the end of the long line")]
    # Plain text is a document a line, in order.
    assert lines[1:4] == ["Exception in thread main", "\tat a.b(C.java:1)", "Caused by: d"]


def test_what_is_older_than_it_is_kept_goes(logs: Logs) -> None:
    days = {"logs-2026.01.01", "logs-2026.01.02", "logs-refused-2026.01.01"}
    traces = {"zipkin-span-2026-01-24", "zipkin-span-2026-01-25"}
    for index in days | traces:
        logs.ask("PUT", f"/{index}/_doc/1", {"message": "old"})
    # Thirty days after the second of them, seven after the last of the traces.
    logs.docker("exec", "log-keeper", "/etc/logs/keep.sh", "once", "2026-02-01")
    assert logs.indices() & (days | traces) == {"logs-2026.01.02", "zipkin-span-2026-01-25"}
