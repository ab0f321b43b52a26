"""Signed tokens, as the identity service makes them: for the smoke test and for rotations."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

LIFETIME = 300


def signed(secret: bytes, *, subject: str, now: float) -> str:
    """A JWT as the identity service signs it: HS256, the claims of the contract, valid for LIFETIME seconds."""
    header = {"alg": "HS256", "typ": "JWT"}
    claims = {"sub": subject, "iss": "rofecare", "iat": int(now), "exp": int(now) + LIFETIME, "roles": ["USER"]}
    content = b".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return b".".join((content, _signature(secret, content))).decode("ascii")


def _signature(secret: bytes, content: bytes) -> bytes:
    return _encoded(hmac.new(secret, content, hashlib.sha256).digest())


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
