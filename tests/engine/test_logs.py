"""Each log line arrives exactly once while the shipper and the store are killed and files are rotated."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.images import build
from tests.support.logs import Logs, talker, until

pytestmark = [pytest.mark.full, pytest.mark.timeout(1500)]

# From each of three containers: more than 20,000 in total.
LINES = 7_000
OUTAGE = 30
WORDS = {name: f"{name}{uuid.uuid4().hex[:6]}" for name in ("one", "two", "three")}

# Numbered lines at a steady rate, some structured and some plain. The word identifies the container.
TALK = """
for ((n = 0; n < LINES; n++)); do
    if ((n % 3)); then printf '{"message":"%s %06d","log.level":"INFO","n":%d}\\n' "$WORD" $n $n
    else printf '%s %06d\\n' "$WORD" $n; fi
    if ((n % 50 == 0)); then sleep 0.2; fi
done
sleep infinity
"""
STRANGE = """head -c 40000 /dev/zero | tr '\\0' x; echo ' the end of the long line'
printf 'Exception in thread main\\n\\tat a.b(C.java:1)\\nCaused by: d\\n'
printf '{"log":"no object","message":"a line that is refused"}\\n'
printf '{"level":"error","msg":"of another logger","error":"EOF","service":"front","trace":"t1","span":7}\\n'
head -c 1500000 /dev/zero | tr '\\0' x; echo ' the end of the longest line'; sleep infinity"""


@pytest.fixture(scope="module")
def logs(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    assert engine is not None
    build("elasticsearch", "log-shipper")
    # Files so small that they are rotated while they are read, and so many that none is deleted.
    small = {"max-size": "100k", "max-file": "20"}
    services = {
        name: talker(TALK.replace("LINES", str(LINES)).replace("$WORD", word), **small) for name, word in WORDS.items()
    }
    # A file that is not rotated within a line.
    services["strange"] = talker(STRANGE)
    made = Logs(tmp_path_factory.mktemp("logs"), services)
    try:
        made.start("elasticsearch", "log-keeper", "log-shipper")
        yield made
    finally:
        made.stop()


def test_no_line_is_lost_or_duplicated(logs: Logs) -> None:
    logs.compose("up", "--detach", "--no-deps", *WORDS)
    over = threading.Event()

    def end_the_shipper() -> None:
        for number in range(4):
            if over.wait(2.5):
                return
            if number % 4 == 3:
                logs.docker("restart", "log-shipper")
            else:
                logs.docker("kill", "log-shipper")
                logs.docker("start", "log-shipper")

    killer = threading.Thread(target=end_the_shipper)
    killer.start()
    time.sleep(3)
    logs.docker("kill", "elasticsearch")
    time.sleep(OUTAGE)
    logs.docker("start", "elasticsearch")
    killer.join()
    over.set()
    expected = {name: [f"{word} {number:06d}" for number in range(LINES)] for name, word in WORDS.items()}
    complete = until(900, lambda: all(len(set(logs.messages(name))) >= LINES for name in expected))
    for name, lines in expected.items():
        counted = Counter(logs.messages(name))
        lost = [line for line in lines if line not in counted]
        twice = [line for line, count in counted.items() if count > 1]
        assert (lost[:5], twice[:5], len(lost), len(twice)) == ([], [], 0, 0), name
        assert logs.messages(name) == lines, "in their order"
    assert complete


def test_long_lines_stack_traces_and_rejected_lines(logs: Logs) -> None:
    logs.compose("up", "--detach", "--no-deps", "strange")
    assert until(300, lambda: len(logs.messages("strange", "logs-refused-*")) == 1)
    assert until(120, lambda: len(logs.messages("strange")) == 8)
    (refused,) = logs.messages("strange", "logs-refused-*")
    assert "a line that is refused" in refused
    lines = logs.messages("strange")
    (long,) = [line for line in lines if line.endswith(" the end of the long line")]
    assert len(long) == 40_000 + len(" the end of the long line")
    # A text where the mapping has an object is no reason to refuse a line.
    assert "of another logger" in lines
    # Plain text is a document a line, in order.
    assert lines[1:4] == ["Exception in thread main", "\tat a.b(C.java:1)", "Caused by: d"]
    # A line of more than a mebibyte is stored in pieces, and counted for an alert.
    pieces = [line for line in lines if line.count("x") > 100_000]
    assert len(pieces) == 2
    assert sum(line.count("x") for line in pieces) >= 1_500_000
    assert "the end of the longest line" in pieces[-1]

    def counted() -> str:
        return logs.docker("exec", "log-shipper", "cat", "/metrics/log-shipper.prom")

    assert until(60, lambda: '{result="unreadable"} 2\n' in counted()), counted()
    assert '{result="refused"} 1\n' in counted()


def test_indices_past_their_retention_are_deleted(logs: Logs) -> None:
    days = {"logs-2026.01.01", "logs-2026.01.02", "logs-refused-2026.01.01"}
    traces = {"zipkin-span-2026-01-24", "zipkin-span-2026-01-25"}
    for index in days | traces:
        logs.ask("PUT", f"/{index}/_doc/1", {"message": "old"})
    # Thirty days after the second of them, seven after the last of the traces.
    logs.docker("exec", "log-keeper", "/etc/logs/keep.sh", "once", "2026-02-01")
    assert logs.indices() & (days | traces) == {"logs-2026.01.02", "zipkin-span-2026-01-25"}
