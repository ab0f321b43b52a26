"""A PostgreSQL server for a look: the same image, no network, nothing of it left afterwards."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from rofecare_infra.backup.records import ServerRecord
from rofecare_infra.backup.server import Server
from rofecare_infra.engine import Engine
from rofecare_infra.errors import VerificationError
from rofecare_infra.process import run, to_end
from rofecare_infra.progress import Event, Working
from rofecare_infra.state import Clock, poll

LABEL = "com.rofecare.scratch"
_POLL = 0.3
# Nothing here outlives the look: no need to wait for disks.
_HASTY = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off", "-c", "max_wal_size=4GB")
_QUICK = 120.0


def remove_leftovers(project: str) -> tuple[str, ...]:
    """Remove the scratch servers of runs that were killed; call it under the store's lock."""
    found = run(["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL}={project}"], timeout=_QUICK)
    names = tuple(found.stdout.split())
    if names:
        run(["docker", "rm", "--force", "--volumes", *names], timeout=_QUICK)
    return names


@contextmanager
def server(project: str, record: ServerRecord, engine: Engine) -> Iterator[Server]:
    """A server like the recorded one, being started; it is removed at the end, whatever the end is."""
    # The very image, where it is still here: its name may mean another one by now.
    image = record.image_id if engine.image(record.image_id) is not None else record.image
    name = f"{project}-scratch-{uuid.uuid4().hex[:8]}"
    preload = ("-c", f"shared_preload_libraries={record.preload}") if record.preload else ()
    argv = [
        *("docker", "run", "--detach", "--init", "--name", name, "--label", f"{LABEL}={project}", "--network", "none"),
        *("--pull", "never", "--shm-size", "256m", "--security-opt", "no-new-privileges:true"),
        # Who may reach it is nobody: it has no network.
        *(
            "--env",
            "POSTGRES_DB=scratch",
            "--env",
            "POSTGRES_USER=postgres",
            "--env",
            "POSTGRES_HOST_AUTH_METHOD=trust",
        ),
        *(image, "postgres", *_HASTY, *preload),
    ]
    try:
        run(argv, timeout=_QUICK)
        yield Server(name, name, image)
    finally:
        run(["docker", "rm", "--force", "--volumes", name], check=False, timeout=_QUICK)


def wait(scratch: Server, timeout: float, clock: Clock) -> Generator[Event, None, None]:
    """Wait until the server takes connections. Raises VerificationError when it never does."""
    yield Working("starting a scratch server")
    if not to_end(poll(scratch.answers, bool, every=_POLL, timeout=timeout, clock=clock)):
        logged = run(["docker", "logs", "--tail", "8", scratch.container], check=False, timeout=_QUICK)
        raise VerificationError(
            "the scratch server does not accept connections",
            seen=f"no answer after {timeout:.0f} s",
            expected=f"a server of the image {scratch.image} within GATE_TIMEOUT",
            next_step="docker images; then the same command again",
            details=logged.tail(8),
        )
