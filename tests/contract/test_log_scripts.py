"""The scripts of the logs, run as they are: what the shipper's numbers become, and what Kibana is given."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class Asked:
    """A store and a Kibana in one, and what they were asked: (method, path, body)."""

    address: str = ""
    ready: int = 200
    taken: int = 200
    requests: list[tuple[str, str, str]] = field(default_factory=list)


@pytest.fixture
def asked() -> Iterator[Asked]:
    found = Asked()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            found.requests.append((self.command, self.path.partition("?")[0], body))
            answers = {"/api/status": found.ready, "/api/saved_objects/_import": found.taken}
            self.send_response(answers.get(self.path, 200))
            self.end_headers()

        do_GET = do_PUT = do_POST = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def keep(root: Path, asked: Asked, kibana: str) -> str:
    """Run one round of the log keeper, which must succeed; return its output."""
    if shutil.which("curl") is None:
        assert not os.environ.get("CI"), "no curl here"
        pytest.skip("no curl here")
    logs = root / "docker" / "config" / "logs"
    environment = {
        "PATH": os.environ["PATH"],
        "STORE": asked.address,
        "KIBANA": kibana,
        "LOGS_KEPT": "30d",
        "TRACES_KEPT": "7d",
        "LOGS_SIZE": "8GB",
        "TEMPLATE": str(logs / "template.json"),
        "OBJECTS": str(root / "docker" / "config" / "kibana" / "logs.ndjson"),
    }
    done = subprocess.run([logs / "keep.sh", "once"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_kibana_is_given_what_it_shall_have(root: Path, asked: Asked) -> None:
    assert keep(root, asked, asked.address) == ""
    (sent,) = [
        body for method, path, body in asked.requests if (method, path) == ("POST", "/api/saved_objects/_import")
    ]
    for line in (root / "docker" / "config" / "kibana" / "logs.ndjson").read_text(encoding="utf-8").splitlines():
        assert json.dumps(json.loads(line)) in sent


@pytest.mark.parametrize("there", [True, False], ids=["not ready", "not there"])
def test_without_a_kibana_the_round_is_a_good_one(root: Path, asked: Asked, *, there: bool) -> None:
    asked.ready = 503
    assert keep(root, asked, asked.address if there else "http://127.0.0.1:1") == ""
    assert [path for method, path, _ in asked.requests if method == "PUT"] == ["/_index_template/rofecare-logs"]
    assert [path for method, path, _ in asked.requests if method == "POST"] == []


def test_a_kibana_that_takes_nothing_is_told_of_and_keeps_nobody_from_the_logs(root: Path, asked: Asked) -> None:
    asked.taken = 500
    assert "Kibana refused" in keep(root, asked, asked.address)


def test_what_the_shipper_counts_is_written_down(root: Path, tmp_path: Path) -> None:
    def written(*said: str) -> dict[str, float]:
        subprocess.run(
            [root / "docker" / "config" / "logs" / "metrics.sh"],
            env={"PATH": os.environ["PATH"], "METRICS": str(tmp_path)},
            input="".join(f"{line}\n" for line in said),
            text=True,
            check=True,
        )
        assert [path.name for path in tmp_path.iterdir()] == ["log-shipper.prom"]
        lines = (tmp_path / "log-shipper.prom").read_text(encoding="utf-8").splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}

    nothing = written()
    assert set(nothing.values()) == {0}
    found = written(
        '{ "name": "lines", "origin": "dynstats.bucket", "values": { "refused": 3 } }',
        '{ "name": "ship", "origin": "core.queue", "size": 12, "enqueued": 99, "full": 4, "discarded.full": 2,'
        ' "discarded.nf": 1, "maxqsize": 14 }',
        '{ "name": "imfile", "origin": "imfile", "size": 77 }',
    )
    assert set(found) == set(nothing)
    assert found['rofecare_log_shipper_lines_total{result="refused"}'] == 3
    assert found['rofecare_log_shipper_lines_total{result="unreadable"}'] == 0
    assert found["rofecare_log_shipper_queue_lines"] == 12
    assert found["rofecare_log_shipper_discarded_total"] == 3
