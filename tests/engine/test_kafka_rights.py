"""A real broker that its clients log in to: what the labels grant is accepted, all else is refused."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rofecare_infra.engine import Container
from rofecare_infra.kafka import Broker, broker_of
from rofecare_infra.platform import parse
from tests.support.images import KAFKA, ensure_kafka
from tests.support.project import FOREVER, REPOSITORY, MakeProject, Project, check, service, small_network

Json = dict[str, Any]

_FILES = ("docker-compose.yml", "docker-compose.prod.yml", "docker-compose.packages.yml")
_PATIENT, _FINANCE = "rofecare-service-patient", "rofecare-service-finance"
_PASSWORDS = {_PATIENT: "patient_kafka_password", _FINANCE: "finance_kafka_password"}
# Runs a tool of Kafka as the user whose password is mounted, or without a login; the arguments follow.
_TOOL = """
file=/tmp/login-$$.properties
if [[ $1 == nobody ]]; then
    # The broker ends its connections, and it tries until its time is up.
    echo max.block.ms=5000 >"$file"
else
    printf 'security.protocol=SASL_PLAINTEXT\\nsasl.mechanism=PLAIN\\nsasl.jaas.config=%s\\n' \\
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=\\"$1\\" \\
password=\\"$(</run/secrets/rofecare.kafka.password)\\";" >"$file"
fi
exec timeout 100 "kafka-console-$2" --bootstrap-server kafka:29092 "--$2.config" "$file" "${@:3}" 2>&1
"""

pytestmark = [pytest.mark.full, pytest.mark.timeout(400)]


def model(produces: str, networks: Json | None = None) -> Json:
    """Kafka and ZooKeeper of production, and two services that only have the passwords and labels of applications."""
    argv = ["docker", "compose", *(word for file in _FILES for word in ("-f", file)), "config", "--format", "json"]
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(argv, cwd=REPOSITORY / "docker", env=environment, capture_output=True, text=True, check=True)
    whole = json.loads(done.stdout)
    servers = {name: _of_this_project(whole["services"][name]) for name in ("zookeeper", "kafka")}
    clients = {name: _client(name, whole["services"][name]) for name in _PASSWORDS}
    clients[_PATIENT]["labels"]["com.rofecare.kafka.produces"] = produces
    used = {one["source"] for each in (*servers.values(), *clients.values()) for one in each["secrets"]}
    configs = {one["source"] for each in servers.values() for one in each["configs"]}
    return {
        "services": {**servers, **clients},
        "secrets": {name: {"file": f"./secrets/{name}"} for name in used},
        "configs": {name: {"file": one["file"]} for name, one in whole["configs"].items() if name in configs},
        "volumes": {"kafka-data": {}, "zookeeper-data": {}, "zookeeper-log": {}},
        "networks": networks or {"backend": small_network(), "zookeeper": small_network()},
    }


def _of_this_project(one: Json) -> Json:
    """Without limits, and with one compiler: a short life."""
    labels = {
        name: value
        for name, value in one["labels"].items()
        if name not in {"com.rofecare.mode", "com.rofecare.release"}
    }
    kept = {name: value for name, value in one.items() if name not in {"build", "deploy"}}
    environment = {**one["environment"], "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"}
    return {**kept, "environment": environment, "labels": labels, "secrets": one.get("secrets") or []}


def _client(name: str, application: Json) -> Json:
    labels = {label: value for label, value in application["labels"].items() if ".kafka." in label}
    return {
        **service(FOREVER, phase="business", image=KAFKA, networks=["backend"], tmpfs=["/tmp"]),  # noqa: S108
        "entrypoint": [],
        "labels": {"com.rofecare.phase": "business", **labels},
        "secrets": [{"source": _PASSWORDS[name], "target": "rofecare.kafka.password"}],
        "depends_on": {"kafka": {"condition": "service_healthy"}},
    }


@pytest.fixture
def hospital(engine: object, make_project: MakeProject) -> Project:
    assert engine is not None
    ensure_kafka()
    written = model("patient-events")
    project = make_project(written.pop("services"), **written)
    project.environment["GATE_TIMEOUT"] = "120"
    check(project.inv("start-all", timeout=200), 0, "up: 4 of 4", "rights in Kafka: ")
    return project


def tool(project: Project, user: str, *words: str, stdin: str = "", inside: str = "") -> str:
    """The output of a console tool in the container of this user."""
    container = f"{project.name}-{inside or user}-1"
    argv = ["docker", "exec", "-i", container, "bash", "-c", _TOOL, "bash", user, *words]
    return subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False).stdout


def password(project: Project, user: str) -> str:
    return (project.root / "docker/secrets" / _PASSWORDS[user]).read_text()


def accepts(project: Project, user: str, secret: str) -> bool:
    written = project.docker(
        "compose", "-f", str(project.root / "docker/docker-compose.yml"), "config", "--format", "json"
    )
    broker = broker_of(parse(json.loads(written)))
    assert broker is not None
    return Broker(Container("", f"{project.name}-kafka-1", "kafka", "running"), broker, user, secret).accepts()


def reaches(project: Project, source: str, address: str) -> bool:
    script = f"timeout 3 bash -c 'exec 3<>/dev/tcp/{address}'"
    argv = ["docker", "exec", f"{project.name}-{source}-1", "bash", "-c", script]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def test_each_service_has_the_rights_of_its_labels_and_no_others(hospital: Project) -> None:
    write = ("producer", "--topic")
    with ThreadPoolExecutor() as pool:
        own = pool.submit(tool, hospital, _PATIENT, *write, "patient-events", stdin="admitted\n")
        other = pool.submit(tool, hospital, _PATIENT, *write, "finance.invoice.created", stdin="forged\n")
        nobody = pool.submit(tool, hospital, "nobody", *write, "patient-events", stdin="x\n", inside=_PATIENT)
        assert "ERROR" not in own.result()
        assert "Not authorized to access topics: [finance.invoice.created]" in other.result()
        assert "not present in metadata" in nobody.result()
    read = ("consumer", "--topic", "patient-events", "--from-beginning", "--max-messages", "1", "--timeout-ms", "60000")
    with ThreadPoolExecutor() as pool:
        mine = pool.submit(tool, hospital, _FINANCE, *read, "--group", _FINANCE)
        others = pool.submit(tool, hospital, _FINANCE, *read, "--group", _PATIENT)
        assert "admitted\n" in mine.result()
        assert f"Not authorized to access group: {_PATIENT}" in others.result()

    # ZooKeeper takes connections from Kafka alone.
    assert not any(reaches(hospital, _PATIENT, f"zookeeper/{port}") for port in (2181, 8080))
    assert not reaches(hospital, _PATIENT, "zookeeper-clients/2181")
    assert reaches(hospital, "kafka", "zookeeper-clients/2181")

    # No password is where others could see it.
    secret = password(hospital, _PATIENT)
    seen = json.dumps([hospital.inspect(one) for one in ("kafka", _PATIENT)]) + hospital.docker(
        "exec", f"{hospital.name}-kafka-1", "bash", "-c", "cat /proc/1/environ /proc/1/cmdline /tmp/kafka.properties"
    )
    assert secret not in seen
    assert secret not in hospital.docker("logs", f"{hospital.name}-kafka-1")

    # A label that is gone takes its rights along.
    before = json.loads((hospital.root / "docker/docker-compose.yml").read_text())
    written = model("", before["networks"])
    hospital.write("docker-compose.yml", {"name": hospital.name, **written})
    check(hospital.inv("start-all", timeout=200), 0, "rights in Kafka: 0 added, 3 removed")
    assert "Not authorized" in tool(hospital, _PATIENT, *write, "patient-events", stdin="discharged\n")

    check(hospital.inv("rotate", "patient-kafka", timeout=200), 0, "patient_kafka_password is changed")
    assert accepts(hospital, _PATIENT, password(hospital, _PATIENT))
    assert not accepts(hospital, _PATIENT, secret)
    assert accepts(hospital, _FINANCE, password(hospital, _FINANCE))
