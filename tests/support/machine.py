"""A machine within this one: a second container engine with a power switch.

It has its own processes, network, mounts, and a folder as its disk. A power cut sends SIGKILL to every process in it
at the same instant, the engine and its containers included; then it can be started again with only its disk. Data that
a real machine loses because it was not on the disk yet is not lost here.
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

# Process 1 of the machine: an empty /run as after a boot, the loopback, then the engine with its own containerd.
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
        """The log of its engine."""
        return self._folder / "log"

    def start(self) -> None:
        """Switch it on; wait until its engine answers."""
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
        """Kill every process in it at once."""
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
        """The command, run in its network, where 127.0.0.1 is the machine."""
        return ["nsenter", f"--net=/proc/{self._init()}/ns/net", *argv]

    def lend(self, images: Sequence[str]) -> None:
        """Copy images of the engine outside into it."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as saved:
            subprocess.run(["docker", "--host", self.host, "load"], stdin=saved.stdout, capture_output=True, check=True)
        assert saved.returncode == 0

    def _docker(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", "--host", self.host, *words], capture_output=True, text=True, check=False)

    def _init(self) -> int:
        """The process id of its process 1, seen from outside."""
        assert self._process is not None, "the machine is off"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return int(children.read_text().split()[0])


@contextmanager
def machine() -> Iterator[Machine]:
    """A machine that is on; its disk is removed with it."""
    # A socket's path may have 104 characters at most: pytest's folders are too deep. An overlay of files needs a disk.
    folder = Path(tempfile.mkdtemp(prefix="gate-machine-", dir="/var/lib"))
    it = Machine(folder)
    try:
        it.start()
        yield it
    finally:
        it.cut_power()
        shutil.rmtree(folder)
