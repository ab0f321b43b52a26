"""The other side of a copy by rsync: a server of a module, and a host for ssh; both can lose the connection."""

from __future__ import annotations

import os
import select
import socket
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# What a client may send before its connection is cut.
LIMIT = 400_000
HOST = "backup@2001:db8::5"
_SSH = f"""#!/bin/sh
while [ "$1" != "{HOST}" ] && [ "$1" != "{HOST.partition("@")[2]}" ]; do shift; done
shift
echo "$*" >>"$0.log"
case $*-$(cat "$0.cut" 2>/dev/null) in
    *"rsync --server"*-yes) dd bs=64k count={LIMIT} iflag=count_bytes status=none | sh -c "$*" ;;
    *) exec sh -c "$*" ;;
esac
"""


class Server(socketserver.ThreadingTCPServer):
    """A real rsync server with the module `backups`; each connection is one process of it."""

    def __init__(self, folder: Path, module: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        # Started by root, it would write as another user.
        user = "uid = root\ngid = root\n" if os.geteuid() == 0 else ""
        self.config = folder / "rsyncd.conf"
        self.config.write_text(
            f"{user}use chroot = no\nlog file = {folder}/rsyncd.log\n[backups]\npath = {module}\nread only = no\n"
        )
        self.cut = False

    @property
    def module(self) -> str:
        """The address of the module."""
        return f"rsync://127.0.0.1:{self.server_address[1]}/backups"


class _Connection(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Server)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                # It serves the connection that is its input.
                argv = ["rsync", "--daemon", f"--config={self.server.config}"]
                child = subprocess.Popen(argv, stdin=theirs.fileno(), stdout=theirs.fileno())
            _pass_on(self.request, ours, LIMIT if self.server.cut else 1 << 40)
        child.wait()


def _pass_on(client: socket.socket, server: socket.socket, limit: int) -> None:
    """Until one of them ends the connection, or the client has sent so many bytes."""
    passed = 0
    with suppress(OSError):
        while passed < limit:
            for one in select.select([client, server], [], [])[0]:
                chunk = one.recv(1 << 16)
                if not chunk:
                    return
                (server if one is client else client).sendall(chunk)
                passed += len(chunk) if one is client else 0


@contextmanager
def server(folder: Path, module: Path) -> Iterator[Server]:
    """Start one, and stop it at the end."""
    module.mkdir()
    with Server(folder, module) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield found
        finally:
            found.shutdown()
            thread.join()


def make_ssh(folder: Path) -> tuple[str, Path]:
    """A program `ssh` whose host is this machine: the search path for it, and the file that makes it lose data."""
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(_SSH)
    program.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}", folder / "ssh.cut"
