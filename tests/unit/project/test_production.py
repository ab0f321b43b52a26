"""What production refuses, each by itself, and what it lets pass."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from rofecare_infra.project.production import files_for, refusals
from rofecare_infra.secrets import Inventory
from rofecare_infra.settings import Assignment, Settings

GOOD = "PRODUCTION_JAVA_OPTIONS=-XX:MaxRAMPercentage=60 -XX:+ExitOnOutOfMemoryError"


def refused(root: Path, *lines: str, present: dict[str, Path] | None = None) -> list[str]:
    """The problems of these settings, as they are shown."""
    settings = {
        name: Assignment(value, f".env line {number}")
        for number, (name, _, value) in enumerate((line.partition("=") for line in lines), 1)
    }
    inventory = Inventory(root / "secrets", present or {}, {})
    return [str(problem) for problem in refusals(Settings(root, settings), inventory)]


def pair(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate and its key, readable by the front."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    subject = f"-subj /CN={name} -addext subjectAltName=DNS:{name}"
    words = f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 {subject}".split()
    subprocess.run(["openssl", *words, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    certificate.chmod(0o444)
    key.chmod(0o444)
    return certificate, key


def test_good_settings_are_not_refused(tmp_path: Path) -> None:
    secret = tmp_path / "jwt_secret"
    secret.write_text("f" * 64)
    assert refused(tmp_path, GOOD, "REPLICAS_PATIENT=3", present={"jwt_secret": secret}) == []


@pytest.mark.parametrize(
    "flag",
    [
        "-agentlib:jdwp=transport=dt_socket,server=y,address=*:5005",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UseContainerSupport",
    ],
)
def test_a_development_machines_flags(tmp_path: Path, flag: str) -> None:
    (problem,) = refused(tmp_path, f"{GOOD} {flag}")
    assert problem.startswith(".env line 1: PRODUCTION_JAVA_OPTIONS")
    assert flag in problem


def test_one_compiler_is_what_a_small_server_has(tmp_path: Path) -> None:
    assert refused(tmp_path, "SIZE=small", "SMALL_JAVA_OPTIONS=-XX:TieredStopAtLevel=1") == []
    assert refused(tmp_path, "SIZE=small", "SMALL_JAVA_OPTIONS=-Xdebug") != []


def test_a_small_server_has_no_room_for_replicas(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, "SIZE=small", "REPLICAS_PATIENT=2", "REPLICAS_FINANCE=1")
    assert "REPLICAS_PATIENT" in problem


def test_a_weak_secret(tmp_path: Path) -> None:
    weak = tmp_path / "jwt_secret"
    weak.write_text("changeme\n")
    (problem,) = refused(tmp_path, GOOD, present={"jwt_secret": weak})
    assert "jwt_secret has 8 characters" in problem
    assert "changeme" not in problem


def test_certificate_files_that_go_together(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "his")
    assert refused(tmp_path, *_files(certificate, key)) == []


def _files(certificate: Path | str, key: Path | str) -> tuple[str, ...]:
    return ("TLS_HOST=his", "TLS_ISSUER=files", f"TLS_CERTIFICATE_FILE={certificate}", f"TLS_KEY_FILE={key}")


def test_certificate_files_that_cannot_be_used(tmp_path: Path) -> None:
    certificate, key = pair(tmp_path, "his")
    _, other = pair(tmp_path, "other")
    assert "does not match" in refused(tmp_path, *_files(certificate, other))[0]
    assert "no file" in refused(tmp_path, *_files(certificate, tmp_path / "absent"))[0]
    assert "is not set" in refused(tmp_path, *_files("", key))[0]
    key.chmod(0o400)
    assert "the front may not read" in refused(tmp_path, *_files(certificate, key))[0]
    os.chown(key, 10002, -1)
    assert refused(tmp_path, *_files(certificate, key)) == []


def test_a_key_that_every_user_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = pair(tmp_path, "his")
    monkeypatch.setattr(Path, "parents", property(lambda _self: [tmp_path]))
    tmp_path.chmod(0o755)
    (problem,) = refused(tmp_path, *_files(certificate, key))
    assert f"every user of this machine may read {key}" in problem
    tmp_path.chmod(0o750)
    assert refused(tmp_path, *_files(certificate, key)) == []


def test_files_that_nothing_uses(tmp_path: Path) -> None:
    certificate, _ = pair(tmp_path, "his")
    assert "is not used" in refused(tmp_path, "TLS_HOST=his", f"TLS_CERTIFICATE_FILE={certificate}")[0]
    assert "without TLS_HOST" in refused(tmp_path, f"TLS_CERTIFICATE_FILE={certificate}")[0]


@pytest.mark.parametrize("host", ["192.168.1.10", "his", "his.local", "his.internal"])
def test_a_name_that_no_authority_certifies(tmp_path: Path, host: str) -> None:
    assert "no public authority certifies" in refused(tmp_path, f"TLS_HOST={host}", "TLS_ISSUER=automatic")[0]
    assert refused(tmp_path, f"TLS_HOST={host}", "TLS_ISSUER=internal") == []


def test_a_public_name(tmp_path: Path) -> None:
    assert refused(tmp_path, "TLS_HOST=his.example.org", "TLS_ISSUER=automatic") == []


def test_files_by_the_settings(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    names = [f"docker-compose.{kind}.yml" for kind in ("prod", "tls", "small")]
    for name in names:
        (tmp_path / "docker" / name).touch()
    everything = {"TLS_HOST": Assignment("his", ""), "SIZE": Assignment("small", "")}
    assert files_for(Settings(tmp_path, everything)) == tuple(names)
    assert files_for(Settings(tmp_path, {})) == ("docker-compose.prod.yml",)


@pytest.mark.parametrize("address", ["192.168.1.10", "[::]", "[2001:db8::1]"])
def test_clear_text_on_the_network_needs_a_setting_of_its_own(tmp_path: Path, address: str) -> None:
    (problem,) = refused(tmp_path, f"GATEWAY_ADDRESS={address}")
    assert f"unencrypted at {address}" in problem
    assert refused(tmp_path, f"GATEWAY_ADDRESS={address}", "CLEAR_TEXT=accepted") == []
    assert refused(tmp_path, f"GATEWAY_ADDRESS={address}", "TLS_HOST=his") == []


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "[::1]"])
def test_clear_text_on_this_machine_alone(tmp_path: Path, address: str) -> None:
    assert refused(tmp_path, f"GATEWAY_ADDRESS={address}") == []
