"""Signed tokens: for the smoke test, and for the monitoring, which reads metrics through the gateway."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

LIFETIME = 300


def signed(secret: bytes, *, subject: str, now: float, role: str = "USER", lifetime: int = LIFETIME) -> str:
    """A JWT as the identity service signs it: HS256, the claims of the contract, valid for `lifetime` seconds."""
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {"sub": subject, "iss": "rofecare", "iat": int(now), "exp": int(now) + lifetime, "roles": [role]}
    content = b".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return b".".join((content, _signature(secret, content))).decode("ascii")


def is_signed(token: str, secret: bytes) -> bool:
    """Whether the token is signed with this secret; its validity period is not checked."""
    content, dot, signature = token.strip().encode("utf-8").rpartition(b".")
    return bool(dot) and hmac.compare_digest(signature, _signature(secret, content))


def _signature(secret: bytes, content: bytes) -> bytes:
    return _encoded(hmac.new(secret, content, hashlib.sha256).digest())


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
