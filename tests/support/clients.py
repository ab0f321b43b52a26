"""Client programs of this machine, as a developer would use them against a platform."""

from __future__ import annotations

import os
import subprocess

from tests.support.platform import PlatformUnderTest


class Clients:
    """psql, redis-cli, kcat and a plain connection, on the published ports with the secrets of the platform."""

    def __init__(self, platform: PlatformUnderTest) -> None:
        self._platform = platform

    def sql(self, service: str, statement: str, *, user: str = "rofecare", password: str = "") -> str:
        """Run SQL in the database of a service (`medical-technology` or `medical_technology`)."""
        name = service.replace("-", "_")
        port = self._platform.ports[f"{name.upper()}_DB_PORT"]
        address = f"host=localhost port={port} user={user} dbname=rofecare_{name}"
        password = password or self._platform.secret(f"{name}_db_password")
        return client("psql", address, "-Atc", statement, PGPASSWORD=password).strip()

    def redis(self, *words: str, password: str = "") -> str:
        """Run a command of Redis."""
        password = password or self._platform.secret("redis_password")
        port = str(self._platform.ports["REDIS_PORT"])
        return client("redis-cli", "-p", port, *words, REDISCLI_AUTH=password).strip()

    def kafka(self, topic: str, *words: str, stdin: str = "") -> str:
        """Run kcat on a topic."""
        broker = f"localhost:{self._platform.ports['KAFKA_PORT']}"
        return client("kcat", "-b", broker, "-t", topic, *words, stdin=stdin).strip()

    def consume(self, *words: str) -> str:
        """Run kcat as a member of a consumer group (`-G`), which commits its offsets when it ends."""
        return client("kcat", "-b", f"localhost:{self._platform.ports['KAFKA_PORT']}", *words).strip()

    def zookeeper(self, word: str) -> str:
        """Send one of ZooKeeper's four-letter words."""
        address = f"/dev/tcp/127.0.0.1/{self._platform.ports['ZOOKEEPER_PORT']}"
        return client("bash", "-c", f"exec 3<>{address}; printf {word} >&3; cat <&3")


def client(*argv: str, stdin: str = "", **environment: str) -> str:
    """Run a client program; assert that it succeeds; return its output."""
    done = subprocess.run(
        argv, env={**os.environ, **environment}, input=stdin, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout
