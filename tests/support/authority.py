"""A certificate authority of a test, and certificates that it issues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SHA256 = hashes.SHA256()


@dataclass(frozen=True)
class Issued:
    """The files of a certificate and its key, readable for everybody."""

    certificate: Path
    key: Path


class Authority:
    """A root that issues certificates for a number of days."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Test authority")
        root = _builder(name, name, self._key, days=3650)
        root = root.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        root = root.add_extension(usage, critical=True)
        self._certificate = root.sign(self._key, _SHA256)
        self.root = _written(folder / "root.pem", self._certificate.public_bytes(Encoding.PEM))

    def issue(self, host: str, *, days: float) -> Issued:
        """A certificate for this host, as a public authority issues them, that ends in `days`."""
        key = ec.generate_private_key(ec.SECP256R1())
        point = x509.DistributionPoint(
            [x509.UniformResourceIdentifier("http://crl.example/root.crl")], None, None, None
        )
        made = (
            _builder(_name(host), self._certificate.subject, key, days=days)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.CRLDistributionPoints([point]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, _SHA256)
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Issued(
            _written(self._folder / f"{host}.pem", made.public_bytes(Encoding.PEM)),
            _written(self._folder / f"{host}.key", pem),
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: float
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
    )


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o444)
    return path
