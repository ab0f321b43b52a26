"""A server and its users in memory, for the rotation of its password."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from rofecare_infra.compose import Compose
from rofecare_infra.images import Sources
from rofecare_infra.platform import Platform
from rofecare_infra.process import Reachable, Result
from rofecare_infra.project import Project
from rofecare_infra.rotation import Report, rotate
from rofecare_infra.rotation.rotate import journal_of
from rofecare_infra.secrets import scram_verifier as verifier
from tests.support.fakes import FakeClock, FakeEngine, container, drain, service, settings

OLD = "the old one"


class Server:
    """A PostgreSQL that knows one verifier and records the statements that it received."""

    def __init__(self, password: str) -> None:
        self.verifier = verifier(password, b"0123456789abcdef")
        self.received: list[str] = []
        self.deaf = False
        self.trusting = False

    def __call__(self, container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
        self.received.append(" ".join((container.name, script, *arguments)))
        password, _, statement = stdin.partition("\n")
        if self.deaf:
            return Result((), 9, "", "no response")
        if "ALTER ROLE" in statement:
            self.verifier = statement.partition("PASSWORD '")[2].partition("'")[0]
            return Result((), 0, "", "")
        good = self.trusting or self._takes(password)
        return Result((), 0, "1\n", "") if good else Result((), 2, "", "password authentication failed")

    def _takes(self, password: str) -> bool:
        salt = base64.b64decode(self.verifier.partition(":")[2].partition("$")[0])
        return verifier(password, salt) == self.verifier


class Redis(Server):
    """A Redis that accepts each password that it was given; it is not restarted."""

    def __init__(self, password: str) -> None:
        super().__init__(password)
        self.digests = {_digest(password)}

    def __call__(self, container: Reachable, script: str, *arguments: str, stdin: str) -> Result:
        self.received.append(" ".join((container.name, script, *arguments)))
        password, _, command = stdin.partition("\n")
        if not self._takes(password):
            return Result((), 0, "", "NOAUTH Authentication required.")
        if "SETUSER" not in command:
            return Result((), 0, "PONG\n", "")
        self.digests.add(command.strip().rpartition("#")[2])
        return Result((), 0, "OK\n", "")

    def _takes(self, password: str) -> bool:
        return _digest(password) in self.digests


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()


class World:
    """One server, two services that use it."""

    def __init__(self, root: Path, server: type[Server] = Server) -> None:
        folder = root / "docker/secrets"
        folder.mkdir(parents=True)
        self.file = folder / "db_password"
        self.file.write_text(OLD)
        mount = {"secrets": ("db_password",), "secret_files": {"db_password": "/run/secrets/db_password"}}
        postgres = {"POSTGRES_PASSWORD_FILE": "/run/secrets/db_password"}
        services = (
            service("db", image="redis:8", **mount)
            if server is Redis
            else service("db", environment=postgres, **mount),
            service("app", "business", **mount),
            service("web", "business", **mount),
        )
        self.settings = settings(root, GATE_TIMEOUT="10")
        platform = Platform("rofecare", services, {"db_password": self.file})
        self.engine = FakeEngine([container(one.name) for one in services])
        self.project = Project(self.settings, Sources(Compose(root / "docker"), platform), lambda: self.engine)
        self.server = server(OLD)
        self.clock = FakeClock()

    def rotate(self) -> Report:
        events = rotate(self.project, "db", shell=self.server, clock=self.clock.clock)
        return drain(events)[1]

    def as_before(self) -> bool:
        hidden = [path.name for path in self.file.parent.iterdir() if path.name.startswith(".")]
        old_opens = self.server._takes(OLD)
        return self.file.read_text() == OLD and old_opens and not hidden and journal_of(self.settings).read() is None
