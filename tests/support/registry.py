"""An image registry on this machine, and a proxy in front of it that interrupts downloads."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.lease import free_port


@contextmanager
def registry(folder: Path) -> Iterator[int]:
    """Run Debian's docker-registry with its files in `folder`; its port."""
    port = free_port()
    program = Path(sys.executable).with_name("docker-registry")
    found = str(program) if program.exists() else shutil.which("docker-registry")
    assert found, "docker-registry is not here; python3 scripts/bootstrap.py test brings it"
    configuration = folder / "registry.yml"
    configuration.write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    with (folder / "registry.log").open("w") as log:
        server = subprocess.Popen([found, "serve", str(configuration)], stdout=log, stderr=log)
        try:
            _wait(port)
            yield port
        finally:
            server.terminate()
            server.wait(10)


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=2).close()
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < end, "the registry does not answer"
            time.sleep(0.2)
        else:
            return


class UnreliableProxy:
    """Forwards connections to a port, and closes each of the first few downloads after some bytes."""

    def __init__(self, target: int, *, cuts: int, after: int) -> None:
        self.cuts_left = cuts
        self._target = target
        self._after = after
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Refuse further connections."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                upstream = socket.create_connection(("127.0.0.1", self._target))
                threading.Thread(target=self._copy, args=(client, upstream, False), daemon=True).start()
                threading.Thread(target=self._copy, args=(upstream, client, True), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket, may_cut: bool) -> None:  # noqa: FBT001
        passed = 0
        with suppress(OSError), source, sink:
            while data := source.recv(65536):
                passed += len(data)
                if may_cut and self.cuts_left > 0 and passed > self._after:
                    self.cuts_left -= 1
                    for end in (source, sink):
                        end.shutdown(socket.SHUT_RDWR)
                    return
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
