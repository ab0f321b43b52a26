"""Certificates of TLS_ISSUER=files: a new one is valid and for the site; a known one starts after its end."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from rofecare_infra.project import certificate
from rofecare_infra.project.certificate import Certificate, defects
from rofecare_infra.settings import Assignment, Settings

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = 86400.0
NOW = NOON.timestamp()


def made(path: Path, *names: str, days: float = 365.0, begins: float = -1.0) -> Path:
    """A certificate with these names that is valid from `begins` to `days` from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "his.example")])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOON + timedelta(days=begins)).not_valid_after(NOON + timedelta(days=days))
    if names:
        alternatives = [
            x509.IPAddress(ipaddress.ip_address(name)) if name[0].isdigit() else x509.DNSName(name) for name in names
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    path.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    return path


def read(path: Path) -> Certificate:
    found = certificate.read(path)
    assert found is not None
    return found


def site(root: Path, path: Path, issuer: str = "files") -> Settings:
    values = {
        "TLS_HOST": "his.example",
        "TLS_ISSUER": issuer,
        "TLS_CERTIFICATE_FILE": str(path),
        "STATE_DIR": str(root),
    }
    return Settings(root, {name: Assignment(value, ".env") for name, value in values.items()})


def seen(found: Certificate, host: str = "his.example", *, known: bool = False) -> list[str]:
    return [text for text, _ in defects(found, host, NOW, known=known)]


@pytest.mark.parametrize(
    ("names", "host", "good"),
    [
        (["his.example"], "his.example", True),
        (["other.example", "HIS.example"], "his.EXAMPLE", True),
        (["*.example"], "his.example", True),
        (["*.example"], "a.his.example", False),
        (["*.his.example"], "his.example", False),
        (["his.example.org"], "his.example", False),
        (["192.0.2.7"], "192.0.2.7", True),
        (["192.0.2.7"], "192.0.2.8", False),
        # Clients have not looked at the subject for years.
        ([], "his.example", False),
    ],
)
def test_the_names_that_clients_look_at(tmp_path: Path, names: list[str], host: str, *, good: bool) -> None:
    assert (seen(read(made(tmp_path / "pem", *names)), host) == []) is good


def test_a_new_one_that_has_expired_or_is_not_valid_yet(tmp_path: Path) -> None:
    assert seen(read(made(tmp_path / "old", "his.example", days=-0.5))) == ["it expired on 2026-11-28"]
    assert seen(read(made(tmp_path / "new", "his.example", begins=2))) == ["it is not valid before 2026-11-30"]


def test_one_that_was_in_use_starts_after_its_end_but_not_for_another_host(tmp_path: Path) -> None:
    found = read(made(tmp_path / "pem", "his.example", days=-0.5))
    assert seen(found, known=True) == []
    assert len(seen(found, "other.example", known=True)) == 1


def test_it_is_known_once_a_start_has_used_it(tmp_path: Path) -> None:
    first, second = made(tmp_path / "first", "his.example"), made(tmp_path / "second", "his.example")
    assert not certificate.is_known(site(tmp_path, first), read(first))
    certificate.remember(site(tmp_path, first))
    assert certificate.is_known(site(tmp_path, first), read(first))
    assert not certificate.is_known(site(tmp_path, second), read(second))
    certificate.remember(site(tmp_path, second))
    assert not certificate.is_known(site(tmp_path, first), read(first))


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (22.0, ""),
        (20.5, "expires in 20 days, on 2026-12-19"),
        (0.5, "expires in 0 days"),
        (-3.0, "EXPIRED on 2026-11-25"),
    ],
)
def test_each_start_says_when_it_ends(tmp_path: Path, days: float, words: str) -> None:
    path = made(tmp_path / "pem", "his.example", days=days, begins=-30)
    text = certificate.warning(site(tmp_path, path), NOW)
    assert words in text
    assert bool(text) is bool(words)
    # A start leaves a front that runs as it is, with the certificate that it has read.
    assert not text or text.endswith("then docker restart rofecare-front-1")


def test_no_file_is_read_for_another_issuer(tmp_path: Path) -> None:
    path = made(tmp_path / "pem", "his.example", days=-3.0, begins=-30)
    settings = site(tmp_path, path, "internal")
    assert certificate.warning(settings, NOW) == ""
    certificate.remember(settings)
    assert not certificate.is_known(settings, read(path))


@pytest.mark.parametrize(
    "content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pem").write_bytes(content)
    assert certificate.read(tmp_path / "pem") is None
    assert certificate.read(tmp_path / "absent") is None
