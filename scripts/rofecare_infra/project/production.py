"""What production refuses: settings that are only safe in development, or that would fail half way through a start."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Iterator
from pathlib import Path

from rofecare_infra.compose import PRODUCTION, SMALL, TLS
from rofecare_infra.project import certificate
from rofecare_infra.secrets import Inventory
from rofecare_infra.settings import Problem, Settings
from rofecare_infra.state import SYSTEM_CLOCK, Clock

# The user that the front runs as.
_FRONT = 10002
# Of 64 hexadecimal characters that `inv init` writes, half are 128 bits; the key that signs tokens needs 256.
_SHORTEST_SECRET = 32

# Flag of a JVM -> why production refuses it.
_DEVELOPMENT_FLAGS = {
    "-agentlib:jdwp": "opens a port for debuggers",
    "-Xrunjdwp": "opens a port for debuggers",
    "-Xdebug": "opens a port for debuggers",
    "-Dcom.sun.management.jmxremote.authenticate=false": "allows anyone to manage the JVM",
    "-Dspring.devtools": "restarts the application when files change",
    "-XX:-UseContainerSupport": "hides the container's limits from the JVM",
    "-Xverify:none": "runs unverified code",
    "-XX:-BytecodeVerification": "runs unverified code",
}
# SIZE=small uses this flag; elsewhere it is a setting of a development machine.
_SLOW_FLAGS = {"-XX:TieredStopAtLevel": "disables the optimising compiler"}


def files_for(settings: Settings) -> tuple[str, ...]:
    """The existing compose files that production adds to the first one, depending on the settings."""
    chosen = (
        (PRODUCTION, True),
        (TLS, bool(settings.tls_host)),
        (SMALL, settings.is_small),
    )
    return tuple(name for name, wanted in chosen if wanted and (settings.docker_folder / name).exists())


def refusals(settings: Settings, inventory: Inventory, clock: Clock = SYSTEM_CLOCK) -> Iterator[Problem]:
    """The problems that prevent a start in production."""
    yield from _jvm_flags(settings)
    yield from _replicas(settings)
    yield from _weak_secrets(inventory)
    yield from _tls(settings, clock.now())


def _jvm_flags(settings: Settings) -> Iterator[Problem]:
    for name, forbidden in (
        ("PRODUCTION_JAVA_OPTIONS", {**_DEVELOPMENT_FLAGS, **_SLOW_FLAGS}),
        ("SMALL_JAVA_OPTIONS", _DEVELOPMENT_FLAGS),
    ):
        for word in settings.get(name).split():
            reason = next((why for flag, why in forbidden.items() if word.startswith(flag)), None)
            if reason is not None:
                yield _problem(settings, name, f"{word} {reason}", "flags for production")


def _replicas(settings: Settings) -> Iterator[Problem]:
    if not settings.is_small:
        return
    for name in settings.values:
        if name.startswith("REPLICAS_") and settings.get(name, "1") != "1":
            yield _problem(settings, name, f"it is {settings.get(name)} with SIZE=small", "1, or SIZE=standard")


def _weak_secrets(inventory: Inventory) -> Iterator[Problem]:
    for name, path in inventory.present.items():
        try:
            length = len(path.read_text(encoding="utf-8", errors="replace").strip())
        except OSError as error:
            yield Problem(str(path), f"the secret {name} cannot be read: {error.strerror}", "a file of this user")
            continue
        if length < _SHORTEST_SECRET:
            seen = f"the secret {name} has {length} characters"
            yield Problem(str(path), seen, f"at least {_SHORTEST_SECRET} random ones (openssl rand -hex 32)")


def _tls(settings: Settings, now: float) -> Iterator[Problem]:
    files = {name: settings.path_of(name) for name in ("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE")}
    given = {name: path for name, path in files.items() if path is not None}
    if not settings.tls_host:
        for name in given:
            yield _problem(settings, name, "it is set without TLS_HOST", "the name of the site in TLS_HOST, too")
        yield from _clear_text(settings)
        return
    if settings.tls_issuer == "automatic" and not _is_public(settings.tls_host):
        expected = "a public name, or TLS_ISSUER=internal or files"
        yield _problem(settings, "TLS_HOST", f"no public authority certifies {settings.tls_host}", expected)
    if settings.tls_issuer != "files":
        for name in given:
            yield _problem(settings, name, f"it is not used: TLS_ISSUER={settings.tls_issuer}", "TLS_ISSUER=files")
        return
    for name in files:
        if name not in given:
            yield _problem(settings, name, "TLS_ISSUER=files, and it is not set", "a file in PEM format")
    unusable = [problem for name, path in given.items() for problem in _unreadable(settings, name, path)]
    yield from unusable
    if len(given) == len(files) and not unusable:
        yield from _not_a_pair(settings, given["TLS_CERTIFICATE_FILE"], given["TLS_KEY_FILE"])
        yield from _not_for_this_site(settings, given["TLS_CERTIFICATE_FILE"], now)


def _clear_text(settings: Settings) -> Iterator[Problem]:
    address = settings.get("GATEWAY_ADDRESS", "127.0.0.1")
    if settings.get("CLEAR_TEXT") != "accepted" and not ipaddress.ip_address(address.strip("[]")).is_loopback:
        seen = f"passwords and records would cross the network unencrypted at {address}"
        expected = "127.0.0.1, or TLS_HOST for TLS; CLEAR_TEXT=accepted where the network is encrypted otherwise"
        yield _problem(settings, "GATEWAY_ADDRESS", seen, expected)


def _unreadable(settings: Settings, name: str, path: Path) -> Iterator[Problem]:
    if not path.is_file() or not os.access(path, os.R_OK):
        yield _problem(settings, name, f"no file that this user may read: {path}", "a file in PEM format")
        return
    # The front runs as a user of its own; else the mode of the folder protects the file, as with the secrets.
    closed = f"owner {_FRONT} with mode 0400, or mode 0444 in a folder with mode 0700"
    mode, owner = path.stat().st_mode & 0o777, path.stat().st_uid
    if not mode & (0o400 if owner == _FRONT else 0o004):
        yield _problem(settings, name, f"the front may not read {path} (mode {mode:04o})", closed)
    elif name == "TLS_KEY_FILE" and mode & 0o004 and all(one.stat().st_mode & 0o001 for one in path.parents):
        yield _problem(settings, name, f"every user of this machine may read {path} (mode {mode:04o})", closed)


def _not_a_pair(settings: Settings, certificate: Path, key: Path) -> Iterator[Problem]:
    try:
        # With an empty password: OpenSSL would ask on the terminal for the password of an encrypted key.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        yield _problem(
            settings,
            "TLS_CERTIFICATE_FILE",
            f"it does not match TLS_KEY_FILE: {why}",
            "a pair, not encrypted",
        )


def _not_for_this_site(settings: Settings, path: Path, now: float) -> Iterator[Problem]:
    found = certificate.read(path)
    if found is None:
        return  # reported together with its key
    known = certificate.is_known(settings, found)
    for seen, expected in certificate.defects(found, settings.tls_host, now, known=known):
        yield _problem(settings, "TLS_CERTIFICATE_FILE", f"{path}: {seen}", expected)


def _is_public(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in host and not host.endswith((".local", ".lan", ".internal", ".localhost", ".home.arpa", ".test"))
    return False


def _problem(settings: Settings, name: str, what: str, expected: str) -> Problem:
    assignment = settings.values.get(name)
    return Problem(assignment.where if assignment is not None else "the settings", f"{name}: {what}", expected)
