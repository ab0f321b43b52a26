"""A receiver of Alertmanager's messages on this machine, for containers to reach."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass
class Receiver:
    """The messages received, in order."""

    url: str = ""
    messages: list[Json] = field(default_factory=list)

    def about(self, **labels: str) -> list[tuple[str, set[str]]]:
        """The messages about these labels (all, without any): `firing` or `resolved`, and the names of the alerts."""
        return [
            (message["status"], {alert["labels"]["alertname"] for alert in message["alerts"]})
            for message in self.messages
            if all(message["groupLabels"].get(key) == value for key, value in labels.items())
        ]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listen on the address of this machine in the network of its containers."""
    it = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            it.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer((address(), 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        it.url = f"http://{server.server_address[0]!s}:{server.server_port}/"
        try:
            yield it
        finally:
            server.shutdown()
            thread.join()


def address() -> str:
    """The address of this machine in the default network of its containers."""
    argv = ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()
