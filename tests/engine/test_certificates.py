"""The certificate of production's front: TLS as testssl.sh judges it, and the end that the monitoring reads."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.authority import Authority
from tests.support.images import build, ensure, ensure_base
from tests.support.lease import free_port
from tests.support.project import REPOSITORY, Project, small_network

Json = dict[str, Any]

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
_HOST = "his.example"
_DAY = 86400
# testssl.sh expects 60 at least.
_DAYS = 80
_SERVICES = ("front", "front-data", "blackbox-exporter")
_METRIC = "probe_ssl_earliest_cert_expiry"
# Listed with its reason in docs/production.md: the authority of the site publishes no list of what it has revoked.
_ACCEPTED = {"files": set[str](), "internal": {"cert_revocation"}}
# About the OpenSSL with which testssl connects, and not about the front: it has no GOST ciphers.
_OF_THIS_MACHINE = {"engine_problem"}


class Front:
    """The front of the compose files with TLS, and the exporter that probes it."""

    def __init__(self, folder: Path, issuer: str, authority: Authority) -> None:
        self.port = free_port()
        self.issuer = issuer
        settings = {"TLS_HOST": _HOST, "TLS_ISSUER": issuer}
        if issuer == "files":
            issued = authority.issue(_HOST, days=_DAYS)
            settings |= {"TLS_CERTIFICATE_FILE": str(issued.certificate), "TLS_KEY_FILE": str(issued.key)}
        services, networks = _described(settings)
        services["front"]["ports"] = [f"127.0.0.1:{self.port}:8443"]
        del services["front"]["depends_on"]["rofecare-gateway"]
        self._project = Project(folder / "project", services, networks=networks, volumes={"front-data": {}})
        self._authority = authority

    def start(self) -> None:
        """Start all containers, and wait until they are healthy."""
        for name in ("front-data", "front blackbox-exporter"):
            self._project.docker(*self._compose, "up", "--detach", "--no-deps", *name.split())
        self._project.docker(*self._compose, "up", "--detach", "--wait", "--no-deps", "front", "blackbox-exporter")

    @property
    def _compose(self) -> list[str]:
        return ["compose", "--file", str(self._project.root / "docker" / "docker-compose.yml")]

    def root(self) -> Path:
        """The certificate that clients have to trust."""
        if self.issuer == "files":
            return self._authority.root
        path = self._project.root / "root.pem"
        container = f"{self._project.name}-front-1"
        path.write_text(self._project.docker("exec", container, "cat", "/data/caddy/pki/authorities/local/root.crt"))
        return path

    def expires(self) -> float:
        """The metric of the exporter."""
        container = f"{self._project.name}-blackbox-exporter-1"
        url = "http://127.0.0.1:9115/probe?module=tls_connect&target=front:8443"
        metrics = self._project.docker("exec", container, "wget", "-q", "-O", "-", url)
        (value,) = re.findall(rf"^{_METRIC} (\S+)$", metrics, re.MULTILINE)
        return float(value)

    def answer(self) -> str:
        """The status and headers that a client which trusts the authority gets."""
        context = ssl.create_default_context(cafile=str(self.root()))
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection,
            context.wrap_socket(connection, server_hostname=_HOST) as encrypted,
        ):
            encrypted.sendall(f"HEAD / HTTP/1.1\r\nHost: {_HOST}\r\nConnection: close\r\n\r\n".encode())
            return encrypted.recv(4096).decode()

    def judged(self, folder: Path, *words: str) -> list[Json]:
        """The findings of testssl.sh."""
        if not shutil.which("testssl"):
            assert not os.environ.get("CI"), "no testssl: scripts/bootstrap.py test brings it"
            pytest.skip("no testssl here: python3 scripts/bootstrap.py test brings it")
        result = folder / "result.json"
        argv = ["testssl", "--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", *words]
        argv += ["--add-ca", str(self.root()), "--jsonfile", str(result), "--ip", "127.0.0.1", f"{_HOST}:{self.port}"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env={**os.environ, "TERM": "dumb"})
        assert result.exists(), done.stdout + done.stderr
        found: list[Json] = json.loads(result.read_text(encoding="utf-8"))
        return found

    def remove(self) -> None:
        """Remove everything."""
        self._project.clean()


def _described(settings: Mapping[str, str]) -> tuple[dict[str, Json], Json]:
    """The services and their networks as the compose files of production with monitoring describe them."""
    names = ("", ".prod", ".tls", ".monitoring", ".packages", ".prod.packages", ".monitoring.packages")
    files = [word for name in names for word in ("-f", f"docker-compose{name}.yml")]
    argv = ["docker", "compose", *files, "config", "--format", "json"]
    ours = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    model = json.loads(subprocess.check_output(argv, cwd=REPOSITORY / "docker", env={**ours, **settings}))
    services = {name: model["services"][name] for name in _SERVICES}
    for one in services.values():
        # Without the mode: it would make a production platform of this project.
        del one["build"]
        one["labels"].pop("com.rofecare.mode", None)
    used = sorted({name for one in services.values() for name in one.get("networks") or ()})
    options = {name: model["networks"][name] for name in used}
    return services, {
        name: {key: one[key] for key in ("internal", "driver_opts") if key in one} | small_network()
        for name, one in options.items()
    }


@pytest.fixture(scope="module")
def images(engine: object) -> None:
    assert engine is not None
    ensure_base()
    ensure("rofecare/caddy:2.6")
    build("blackbox-exporter")


@pytest.fixture(scope="module", params=["files", "internal"])
def front(images: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    assert images is None
    folder = tmp_path_factory.mktemp("front")
    it = Front(folder, request.param, Authority(folder))
    try:
        it.start()
        yield it
    finally:
        it.remove()


def test_the_exporter_reads_the_end_of_the_certificate(front: Front, root: Path) -> None:
    """In the name of the metric that the alerts use; an authority that renews by itself does so before they fire."""
    days = (front.expires() - time.time()) / _DAY
    assert days == pytest.approx({"files": _DAYS, "internal": 90}[front.issuer], abs=0.1)
    rules = (root / "docker" / "config" / "prometheus" / "alerts" / "certificates.yml").read_text(encoding="utf-8")
    assert rules.count(f'{_METRIC}{{job="certificate"}} - time()') == 3


def test_browsers_are_not_bound_to_a_certificate_that_people_maintain(front: Front) -> None:
    assert "strict-transport-security: max-age=0\r\n" in front.answer().lower()


@pytest.mark.parametrize("front", ["files"], indirect=True)
def test_testssl_accepts_the_protocols_and_the_certificate(front: Front, tmp_path: Path) -> None:
    assert above_low(front.judged(tmp_path, "--protocols", "--server-defaults")) == set()


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_testssl_finds_nothing_above_low(front: Front, tmp_path: Path) -> None:
    """The complete run: about a minute for each issuer."""
    assert above_low(front.judged(tmp_path)) == _ACCEPTED[front.issuer]


def above_low(found: list[Json]) -> set[str]:
    """What is worse than LOW in a run in which all went well."""
    said = {one["id"]: one["finding"] for one in found}
    assert (said["TLS1"], said["TLS1_1"], said["TLS1_2"]) == ("not offered", "not offered", "offered")
    assert said["TLS1_3"].startswith("offered")
    assert said["cert_chain_of_trust"] == "passed."
    return {one["id"] for one in found if one["severity"] not in {"OK", "INFO", "LOW"}} - _OF_THIS_MACHINE
