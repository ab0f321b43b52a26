"""What PostgreSQL keeps instead of a password: computed here, so that the password itself is never sent to it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata

_ITERATIONS = 4096


def verifier(password: str, salt: bytes) -> str:
    """The SCRAM-SHA-256 verifier (RFC 5802, RFC 7677) as `ALTER ROLE ... PASSWORD` takes it."""
    prepared = unicodedata.normalize("NFKC", password).encode()
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, _ITERATIONS)
    stored = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    return f"SCRAM-SHA-256${_ITERATIONS}:{_text(salt)}${_text(stored)}:{_text(_keyed(salted, b'Server Key'))}"


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
