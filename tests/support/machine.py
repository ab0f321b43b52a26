"""A machine within this one: a container engine of its own, and a power switch.

It has its own processes, network and mounts, and its own disk in a folder. When its power is cut, every process in it
ends at the same instant by SIGKILL, the engine and all that it runs; after that it may be started again, with nothing
but its disk. What a real machine loses besides, because it was not on the disk yet, nothing here can show.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# Process 1 of the machine: an empty /run as after a boot, the loopback, then the engine with a containerd of its own.
_BOOT = """
set -e
mount -t tmpfs -o mode=755 none /run
ip link set lo up
exec dockerd --host="unix://$1/docker.sock" --data-root="$1/data" --exec-root=/run/docker --pidfile=/run/docker.pid
"""
_UNSHARE = ("unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--mount-proc", "--net")


class Machine:
    """Off at first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.host = f"unix://{folder}/docker.sock"

    @property
    def log(self) -> Path:
        """What its engine says."""
        return self._folder / "log"

    def start(self) -> None:
        """Switch it on, and wait until its engine answers."""
        (self._folder / "docker.sock").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            argv = [*_UNSHARE, "sh", "-c", _BOOT, "boot", str(self._folder)]
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 60
        while self._docker("version").returncode != 0:
            assert self._process.poll() is None, self.log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < end, "the machine's engine does not answer"
            time.sleep(0.2)

    def cut_power(self) -> None:
        """End every process in it at once."""
        if self._process is not None:
            os.kill(self._init(), signal.SIGKILL)
            self._process.wait(60)
            self._process = None

    def docker(self, *words: str) -> str:
        """Run `docker` against it; its standard output."""
        done = self._docker(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def inside(self, argv: Sequence[str]) -> list[str]:
        """The command as one that is run in its network: 127.0.0.1 is its own there."""
        return ["nsenter", f"--net=/proc/{self._init()}/ns/net", *argv]

    def lend(self, images: Sequence[str]) -> None:
        """Give it images of the engine outside."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "--host", self.host, "load"], stdin=saved.stdout, capture_output=True, check=True)
        assert saved.returncode == 0

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", "--host", self.host, *words], capture_output=True, text=True, check=False)

    def _init(self) -> int:
        """The number of its process 1, as seen from here."""
        assert self._process is not None, "the machine is off"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return int(children.read_text().split()[0])


@contextmanager
def machine() -> Iterator[Machine]:
    """A machine that is on; its disk goes with it."""
    # A socket's path may have 104 characters at most: pytest's folders are too deep. An overlay of files needs a disk.
    folder = Path(tempfile.mkdtemp(prefix="gate-machine-", dir="/var/lib"))
    it = Machine(folder)
    try:
        it.start()
        yield it
    finally:
        it.cut_power()
        shutil.rmtree(folder)
