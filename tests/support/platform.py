"""The whole platform under a name and on ports of its own, driven by `inv` from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.support.project import INV, REPOSITORY

Json = dict[str, Any]

# Beside a platform that may be running on the documented ports; two checkouts that are tested at the same time need
# two shifts.
SHIFT = int(os.environ.get("ROFECARE_TEST_PORT_SHIFT", "10000"))


class PlatformUnderTest:
    """This checkout's own files; name, ports and secrets come from the environment, as a user could set them."""

    def __init__(
        self,
        folder: Path,
        name: str = f"rofecare-e2e-{SHIFT}",
        *,
        engine: str = "",
        inside: Callable[[Sequence[str]], Sequence[str]] = lambda argv: argv,
    ) -> None:
        """`engine` is the address of one that is not this machine's own, `inside` runs a command in its network."""
        self.name = name
        self._inside = inside
        self.secrets = folder / "secrets"
        lines = (REPOSITORY / ".env").read_text().splitlines()
        ports = dict(re.findall(r"^(?!SMTP)(\w+_PORT)=(\d+)$", "\n".join(lines), re.MULTILINE))
        self.ports = {key: int(value) + SHIFT for key, value in ports.items()}
        self.environment = {
            "COMPOSE_PROJECT_NAME": name,
            "SECRETS_DIR": str(self.secrets),
            # No checkouts beside this repository: what is beside it is nobody's business here.
            "WORKSPACE": str(folder / "workspace"),
            "IMAGES": "packages",
            "SERVICES": "reference",
            **{key: str(value) for key, value in self.ports.items()},
            **({"DOCKER_HOST": engine} if engine else {}),
        }
        (folder / "workspace").mkdir(parents=True, exist_ok=True)

    def popen(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Start `inv`, with further settings."""
        return subprocess.Popen(
            self._inside([str(INV), *words]),
            cwd=REPOSITORY,
            env={**os.environ, **self.environment, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def inv(self, *words: str, timeout: float = 900, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run `inv` to its end: exit code and all that it said."""
        with self.popen(*words, environment=environment) as process:
            try:
                output, _ = process.communicate(timeout=timeout)
            finally:
                process.kill()
        return process.returncode, output

    def expect(self, code: int, *words: str, timeout: float = 900, environment: Mapping[str, str] | None = None) -> str:
        """Run `inv`, which must end with this code and without a traceback; return what it said."""
        returncode, output = self.inv(*words, timeout=timeout, environment=environment)
        assert returncode == code, output
        assert "Traceback" not in output, output
        return output

    def containers(self) -> dict[str, Json]:
        """Service -> what the engine says of its container."""
        ids = docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.name}").split()
        found: list[Json] = json.loads(docker("inspect", *ids)) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in found}

    def container(self, service: str) -> str:
        """The name of the service's container."""
        return f"{self.name}-{service}-1"

    def started(self) -> dict[str, datetime]:
        """Service -> when its container was started."""
        return {name: moment(one["State"]["StartedAt"]) for name, one in self.containers().items()}

    def psql(self, database: str) -> list[str]:
        """The words after `docker` for a client of this one (`patient-db`), with all rights."""
        name = f"rofecare_{database.removesuffix('-db').replace('-', '_')}"
        words = ("psql", "-XqAtU", "rofecare", "-v", "ON_ERROR_STOP=1", "-d")
        return ["exec", "-i", self.container(database), *words, name]

    def sql(self, database: str, text: str) -> str:
        """What a database answers."""
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
        """It is there and does nothing. By a signal: the engine cannot always freeze what probes come and go in."""
        return self.fault(service, "kill --signal STOP", "kill --signal CONT")

    def wait_healthy(self, service: str, seconds: float = 120) -> None:
        """Wait until the engine calls the container healthy."""
        end = time.monotonic() + seconds
        while docker("inspect", "--format", "{{.State.Health.Status}}", self.container(service)) != "healthy":
            assert time.monotonic() < end, f"{service} is not healthy after {seconds:.0f} s"
            time.sleep(0.5)


def docker(*words: str, stdin: str | None = None) -> str:
    """Run `docker`; its standard output."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=True, input=stdin)
    return done.stdout.strip()


def moment(text: str) -> datetime:
    """The engine's time stamps have nanoseconds."""
    return datetime.fromisoformat(text)
