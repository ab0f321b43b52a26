"""The names of secrets and configs in a Swarm: a new content is a new name, and a name reveals nothing."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from pathlib import Path

from rofecare_infra import state

# What a Swarm allows.
_LONGEST = 64
_DIGITS = 16


def name_of(key: bytes, project: str, kind: str, name: str, content: bytes) -> str:
    """The name of this content. Without the key, nobody can compare a guess of the content with the name."""
    # Each part is followed by an octet that names cannot contain.
    text = b"\0".join([project.encode(), kind.encode(), name.encode(), content])
    digest = hmac.new(key, text, hashlib.sha256).hexdigest()[:_DIGITS]
    return f"{stem_of(project, name)}_{digest}"


def stem_of(project: str, name: str) -> str:
    """What the names of all contents of a secret or config begin with."""
    return f"{project}_{name}"[: _LONGEST - _DIGITS - 1]


def is_of(stem: str, unique: str) -> bool:
    """Whether a name in the Swarm is one of those that begin with this stem."""
    return unique[: -_DIGITS - 1] == stem


def key_of(folder: Path) -> bytes:
    """The key of the platform, which is made once. A new one would only restart every service."""
    path = folder / "stack-names.key"
    if not path.exists():
        state.replace(path, secrets.token_hex(32), mode=0o600)
    return path.read_bytes()
