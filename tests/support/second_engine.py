"""A second container engine on this machine, which a test may stop."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SecondEngine:
    """Its address, and its process."""

    host: str
    process: subprocess.Popen[bytes]

    def docker(self, *words: str) -> str:
        """Run `docker` against it."""
        argv = ["docker", "--host", self.host, *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()

    def stop(self) -> None:
        """Stop it with SIGTERM."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()


@contextmanager
def second_engine(folder: Path, *more: str) -> Iterator[SecondEngine]:
    """Start `dockerd` with all its data below `folder`, no network for containers, and `more` flags."""
    # A socket's path may have 104 characters at most: pytest's folders are too deep.
    # Its name is containerd's namespace, too: letters and digits with single separators. A random `_` may break that.
    short = Path("/run") / f"gate-{uuid.uuid4().hex[:8]}"
    short.mkdir(mode=0o700)
    socket = short / "docker.sock"
    own = {"data-root": folder / "data", "exec-root": short / "exec", "pidfile": short / "pid"}
    flags = [f"--{flag}={path}" for flag, path in own.items()]
    namespaces = [f"--containerd-namespace={short.name}", f"--containerd-plugins-namespace={short.name}-plugins"]
    network = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
    with (folder / "log").open("wb") as log:
        # In a network namespace: without a bridge it would remove the one of the machine's engine.
        argv = ["unshare", "--net", "dockerd", f"--host=unix://{socket}", *flags, *namespaces, *network, *more]
        process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    engine = SecondEngine(f"unix://{socket}", process)
    try:
        _wait(engine, folder / "log")
        yield engine
    finally:
        engine.stop()
        # Its containerd, if it started one, is in its process group.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # An engine mounts its data folder, and does not unmount it.
        subprocess.run(["umount", "--recursive", str(folder / "data")], capture_output=True, check=False)
        shutil.rmtree(short, ignore_errors=True)


def _wait(engine: SecondEngine, log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            engine.docker("version")
        except subprocess.CalledProcessError:
            assert engine.process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < end, "the second engine does not answer"
            time.sleep(0.3)
        else:
            return
