"""A stack of two databases, Redis, Kafka and the front, of the platform's own files, on three engines."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.images import KAFKA, POSTGRES, REDIS, ensure, ensure_kafka
from tests.support.pinned import wait
from tests.support.project import IMAGE, INV, REPOSITORY
from tests.support.three_engines import Cluster, three_engines

NAME = "rofecare-small-stack"
CADDY = "rofecare/caddy:2.6"
_KEPT = {"patient-db", "clinical-db", "redis", "zookeeper", "kafka", "rofecare-service-patient", "front", "front-data"}
_LEFT_OUT = (".git", ".venv", ".rofecare", ".mypy_cache", ".ruff_cache", ".pytest_cache", "__pycache__", "tests")
# A user of its database and of Kafka, without a Java machine.
_OVERRIDE = f"""
  rofecare-service-patient:
    image: {IMAGE}
    entrypoint: [bash, -c, exec sleep infinity]
    command: []
    init: true
    stop_grace_period: 5s
    depends_on: !override
      patient-db: {{condition: service_healthy}}
      kafka: {{condition: service_healthy}}
    healthcheck: {{test: [CMD, "true"], interval: 2s, start_interval: 1s}}
    deploy: {{replicas: 2}}
  front:
    depends_on: !override
      front-data: {{condition: service_completed_successfully}}
"""
_KAFKA = """
file=/tmp/login-$$.properties
printf 'security.protocol=SASL_PLAINTEXT\\nsasl.mechanism=PLAIN\\nsasl.jaas.config=%s\\n' \\
    "org.apache.kafka.common.security.plain.PlainLoginModule required username=\\"kafka\\" \\
password=\\"$(</run/secrets/kafka-users/kafka)\\";" >"$file"
export KAFKA_HEAP_OPTS=-Xmx64m
exec timeout 100 "kafka-console-$1" --bootstrap-server kafka:29092 "--$1.config" "$file" --topic kept "${@:2}"
"""


@dataclass
class SmallStack:
    """The machines, and a checkout that works on the first of them."""

    cluster: Cluster
    root: Path
    environment: dict[str, str] = field(default_factory=dict)

    def inv(self, *words: str, killed_at: str = "") -> tuple[int, str]:
        """Run `inv`; with `killed_at` it is killed when its output contains this text."""
        argv = [str(INV), "--search-root", str(self.root), *words]
        output = ""
        with subprocess.Popen(
            argv,
            env={**os.environ, **self.environment},
            cwd=self.root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                output += line
                if killed_at and killed_at in line:
                    os.killpg(process.pid, signal.SIGKILL)
        return process.returncode, output

    def container(self, service: str, node: str) -> str:
        """The healthy container of a service on this node; waits for it."""
        filters = ("--filter", f"name={NAME}_{service}\\.", "--filter", "health=healthy")
        return str(wait(f"{service} on {node}", lambda: self.cluster.machine(node).docker("ps", "--quiet", *filters)))

    def sql(self, node: str, statement: str) -> str:
        """Run a statement in the database of the patients."""
        psql = ("psql", "-U", "rofecare", "-d", "rofecare_patient", "-Atqc", statement)
        return self.cluster.machine(node).docker("exec", self.container("patient-db", node), *psql)

    def produce(self, node: str, count: int) -> None:
        """Send so many messages."""
        self._kafka(node, "producer", "".join(f"{number}\n" for number in range(count)))

    def messages(self, node: str) -> int:
        """How many messages there are."""
        return len(self._kafka(node, "consumer", "", "--from-beginning", "--timeout-ms", "10000").split())

    def _kafka(self, node: str, *words: str) -> str:
        tool, stdin, *more = words
        argv = ["docker", "--host", self.cluster.machine(node).host, "exec", "--interactive"]
        argv += [self.container("kafka", node), "bash", "-c", _KAFKA, "bash", tool, *more]
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
        # A consumer ends with an error after its last message.
        assert done.returncode == 0 or tool == "consumer", done.stderr
        return done.stdout


@contextmanager
def small_stack(folder: Path) -> Iterator[SmallStack]:
    """Three engines, and the checkout below `folder`; nothing is deployed."""
    ensure(POSTGRES, REDIS, CADDY)
    ensure_kafka()
    root = folder / "checkout"
    shutil.copytree(REPOSITORY, root, symlinks=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    files = [root / "docker" / name for name in ("docker-compose.yml", "docker-compose.prod.yml")]
    everything = {name for file in files for name in _services(file)}
    others = "".join(f"  {name}: {{profiles: [off]}}\n" for name in sorted(everything - _KEPT))
    (root / "docker" / "docker-compose.override.yml").write_text(f"services:\n{others}{_OVERRIDE}")
    with three_engines() as cluster:
        cluster.manager.lend([POSTGRES, REDIS, CADDY, KAFKA, IMAGE])
        environment = {
            **cluster.environment,
            "COMPOSE_PROJECT_NAME": NAME,
            "STATE_DIR": str(folder / "state"),
            "WORKSPACE": str(folder),
            "IMAGES": "packages",
            "SERVICES": "reference",
            "CLEAR_TEXT": "accepted",
            "GATE_TIMEOUT": "300",
        }
        yield SmallStack(cluster, root, environment)


def _services(path: Path) -> set[str]:
    """The names of the services in a compose file."""
    section = path.read_text().partition("\nservices:\n")[2]
    return set(re.findall(r"^  ([\w-]+):", re.split(r"^\w", section, maxsplit=1, flags=re.MULTILINE)[0], re.MULTILINE))
