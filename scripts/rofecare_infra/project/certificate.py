"""The certificate of TLS_ISSUER=files: a new one has to be valid; one that was in use still starts after its end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rofecare_infra.settings import Settings
from rofecare_infra.state import replace

# In days before the end: from then on each start says so.
_SOON = 21
_DAY = 86400.0


@dataclass(frozen=True)
class Certificate:
    """The first certificate of a file in PEM format."""

    # DNS names, with a wildcard as the first label, and IP addresses.
    names: tuple[str, ...]
    # Unix times in seconds.
    begins: float
    ends: float
    # SHA-256 of its DER encoding, in hexadecimal digits.
    fingerprint: str

    def is_for(self, host: str) -> bool:
        """Whether a client accepts it for this host: a wildcard is one label."""
        wanted = host.lower().rstrip(".")
        return any(
            name == wanted or (name.startswith("*.") and name[2:] == wanted.partition(".")[2])
            for name in (one.lower() for one in self.names)
        )


def read(path: Path) -> Certificate | None:
    """The certificate of a file; None if it cannot be read."""
    # Imported here: most commands read no certificate.
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())[0]
    except (OSError, ValueError):
        return None
    try:
        alternatives = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        names: tuple[str, ...] = ()
    else:
        addresses = alternatives.get_values_for_type(x509.IPAddress)
        names = (*alternatives.get_values_for_type(x509.DNSName), *map(str, addresses))
    return Certificate(
        names,
        found.not_valid_before_utc.timestamp(),
        found.not_valid_after_utc.timestamp(),
        found.fingerprint(SHA256()).hex(),
    )


def defects(found: Certificate, host: str, now: float, *, known: bool) -> Iterator[tuple[str, str]]:
    """What is wrong with a certificate for this host, and what is expected; `known` is one that was in use before."""
    if not found.is_for(host):
        its = ", ".join(found.names) or "no name (a client does not look at its subject)"
        yield f"it is for {its}", f"a certificate whose subject alternative names include {host}"
    if now >= found.ends and not known:
        yield f"it expired on {_date(found.ends)}", "a certificate that is valid"
    if now < found.begins and not known:
        yield f"it is not valid before {_date(found.begins)}", "a certificate that is valid; the clock of this machine"


def is_known(settings: Settings, found: Certificate) -> bool:
    """Whether a start has already used this certificate."""
    try:
        return _file(settings).read_text(encoding="ascii").strip() == found.fingerprint
    except (OSError, ValueError):
        return False


def remember(settings: Settings) -> None:
    """Record the certificate that a start uses."""
    found = _used(settings)
    if found is not None and not is_known(settings, found):
        replace(_file(settings), f"{found.fingerprint}\n")


def warning(settings: Settings, now: float) -> str:
    """What a start says of a certificate that ends soon or has ended; empty for any other."""
    found = _used(settings)
    if found is None or found.ends - now > _SOON * _DAY:
        return ""
    renewed = f"replace TLS_CERTIFICATE_FILE and TLS_KEY_FILE, then docker restart {settings.project}-front-1"
    if now >= found.ends:
        return f"the certificate of {settings.tls_host} EXPIRED on {_date(found.ends)}: clients refuse it; {renewed}"
    days = int((found.ends - now) // _DAY)
    return f"the certificate of {settings.tls_host} expires in {days} days, on {_date(found.ends)}: {renewed}"


def _used(settings: Settings) -> Certificate | None:
    path = settings.path_of("TLS_CERTIFICATE_FILE")
    return read(path) if settings.tls_host and settings.tls_issuer == "files" and path is not None else None


def _file(settings: Settings) -> Path:
    return settings.site_folder / "certificate.sha256"


def _date(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
