"""The whole platform under a name and on ports of its own, driven by `inv` from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rofecare_infra.hosting import Systemd
from rofecare_infra.hosting.loopback import reopen
from rofecare_infra.process import to_end
from tests.support.events import Recording
from tests.support.project import INV, REPOSITORY

Json = dict[str, Any]

# Added to every port, so that a platform may run on the documented ones. Two checkouts that are tested at the same
# time need two shifts.
SHIFT = int(os.environ.get("ROFECARE_TEST_PORT_SHIFT", "10000"))


class PlatformUnderTest:
    """This checkout's own files; name, ports and secrets come from the environment, as a user could set them."""

    def __init__(
        self,
        folder: Path,
        name: str = f"rofecare-e2e-{SHIFT}",
        *,
        mode: str = "",
        beside: int = 0,
        engine: str = "",
        inside: Callable[[Sequence[str]], Sequence[str]] = lambda argv: argv,
    ) -> None:
        """`mode` is a flag of `start-all`; `beside` is added to the ports, so that another platform can run.

        `engine` is the address of another engine, whose network `inside` enters.
        """
        self.name = name
        self._mode = [mode] if mode else []
        self._inside = inside
        self.secrets = folder / "secrets"
        lines = (REPOSITORY / ".env").read_text().splitlines()
        ports = dict(re.findall(r"^(?!SMTP)(\w+_PORT)=(\d+)$", "\n".join(lines), re.MULTILINE))
        self.ports = {key: int(value) + SHIFT + beside for key, value in ports.items()}
        self.environment = {
            "COMPOSE_PROJECT_NAME": name,
            "SECRETS_DIR": str(self.secrets),
            "STATE_DIR": str(folder / "state"),
            # No checkouts beside this repository: the tests do not build the applications that may be there.
            "WORKSPACE": str(folder / "workspace"),
            "IMAGES": "packages",
            "SERVICES": "reference",
            **{key: str(value) for key, value in self.ports.items()},
            **({"DOCKER_HOST": engine} if engine else {}),
        }
        (folder / "workspace").mkdir(parents=True, exist_ok=True)

    def popen(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `inv` with additional settings."""
        return subprocess.Popen(
            self._inside([str(INV), *words]),
            cwd=REPOSITORY,
            env={**os.environ, **self.environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def inv(self, *words: str, timeout: float = 900, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run `inv` to its end; return the exit code and the output."""
        with self.popen(*words, environment=environment) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return process.returncode, output

    def expect(self, code: int, *words: str, timeout: float = 900, environment: Mapping[str, str] | None = None) -> str:
        """Run `inv`, assert this exit code and no traceback, and return the output."""
        returncode, output = self.inv(*words, timeout=timeout, environment=environment)
        assert returncode == code, output
        assert "Traceback" not in output, output
        return output

    def start(self) -> str:
        """Start it, or what of it is missing; return the output."""
        return self.expect(0, "start-all", *self._mode, timeout=1500)

    def remove(self) -> None:
        """Remove everything that carries the name of this project, without a backup of its data."""
        label = f"label=com.docker.compose.project={self.name}"
        for kind, listing, flags, chosen in (
            ("container", "-aq", ("--force", "--volumes"), label),
            ("container", "-aq", (), f"label=com.rofecare.lock={self.name}"),
            ("network", "-q", (), label),
            ("volume", "-q", (), label),
            ("volume", "-q", (), f"label=com.rofecare.project={self.name}"),
            ("volume", "-q", (), f"label=com.rofecare.marker={self.name}"),
        ):
            names = docker(kind, "ls", listing, "--filter", chosen).split()
            if names:
                docker(kind, "rm", *flags, *names)
        # The rules for the ports that it published on 127.0.0.1.
        to_end(reopen(self.name, Systemd(), "inv stop-all"))

    def wait_for_smoke(self, seconds: float = 330, *, environment: Mapping[str, str] | None = None) -> None:
        """Wait until smoke passes.

        Circuit breakers that are open close within seconds; consumers find topics that are new within five minutes.
        """
        end = time.monotonic() + seconds
        while (last := self.inv("smoke", environment=environment))[0] != 0:
            assert time.monotonic() < end, last[1]

    def containers(self) -> dict[str, Json]:
        """Service -> `docker inspect` of its container."""
        ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.name}").split()
        found: list[Json] = json.loads(docker("inspect", *ids)) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def container(self, service: str) -> str:
        """The name of the service's container."""
        return f"{self.name}-{service}-1"

    def started(self) -> dict[str, datetime]:
        """Service -> when its container was started, without those that were only created."""
        found = {name: moment(one["State"]["StartedAt"]) for name, one in self.containers().items()}
        return {name: started for name, started in found.items() if started.year > 1}

    def psql(self, database: str) -> list[str]:
        """The words after `docker` for a client of this one (`patient-db`), with all rights."""
        name = f"rofecare_{database.removesuffix('-db').replace('-', '_')}"
        words = ("psql", "-XqAtU", "rofecare", "-v", "ON_ERROR_STOP=1", "-d")
        return ["exec", "-i", self.container(database), *words, name]

    def sql(self, database: str, text: str) -> str:
        """Run SQL in a database; return the output."""
        return docker(*self.psql(database), stdin=text)

    def secret(self, name: str) -> str:
        """The content of a secret."""
        return (self.secrets / name).read_text()

    @contextmanager
    def fault(self, service: str, cause: str, remedy: str) -> Iterator[None]:
        """`docker CAUSE` the container, and `docker REMEDY` it afterwards; wait until it is healthy again."""
        docker(*cause.split(), self.container(service))
        try:
            yield
        finally:
            docker(*remedy.split(), self.container(service))
            self.wait_healthy(service)

    def hanging(self, service: str) -> AbstractContextManager[None]:
        """The process is stopped by a signal and answers nothing. `docker pause` can fail while health checks run."""
        return self.fault(service, "kill --signal STOP", "kill --signal CONT")

    def wait_healthy(self, service: str, seconds: float = 120) -> None:
        """Wait until the engine reports the container as healthy."""
        end = time.monotonic() + seconds
        while docker("inspect", "--format", "{{.State.Health.Status}}", self.container(service)) != "healthy":
            assert time.monotonic() < end, f"{service} is not healthy after {seconds:.0f} s"
            time.sleep(0.5)


@dataclass(frozen=True)
class FirstStart:
    """The start from nothing: its output, the events and containers of the engine, and what `inv timeline` recorded."""

    output: str
    recording: Recording
    started: Mapping[str, datetime]
    containers: Mapping[str, Json]
    timeline: Json


class OnePlatform:
    """The platform that runs. Two at a time fill the memory of a small machine, and they share ports."""

    def __init__(self) -> None:
        self._running: PlatformUnderTest | None = None

    def start(self, platform: PlatformUnderTest) -> str:
        """Stop the other platform if it runs; start this one, or what of it is missing. Return the output."""
        if self._running is not platform:
            self.make_room()
        self._running = platform
        return platform.start()

    def make_room(self) -> None:
        """Stop the platform that runs; its data stays."""
        if self._running is not None:
            self._running.expect(0, "stop-all")
            self._running = None


def docker(*words: str, stdin: str | None = None) -> str:
    """Run `docker`; its standard output."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True, input=stdin)
    return done.stdout.strip()


def moment(text: str) -> datetime:
    """The engine's time stamps have nanoseconds."""
    return datetime.fromisoformat(text)
