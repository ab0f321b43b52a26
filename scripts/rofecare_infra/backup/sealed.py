"""Secrets of a backup: one file that only the key opens, and that cannot be changed unnoticed (AES-256-GCM)."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from rofecare_infra.errors import SettingsError

_MAGIC = b"rofecare sealed 1\n"
_SALT = 16
_NONCE = 12
# A key file with less in it is none.
SHORTEST_KEY = 16


def seal(content: bytes, key: bytes) -> bytes:
    """Encrypt; each time with a salt and a nonce of its own."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return _MAGIC + salt + nonce + AESGCM(_derived(key, salt)).encrypt(nonce, content, _MAGIC)


def unseal(sealed: bytes, key: bytes) -> bytes | None:
    """Decrypt; None where the key is another one, or the content is not what was sealed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = len(_MAGIC)
    if not sealed.startswith(_MAGIC):
        return None
    salt, nonce = sealed[head : head + _SALT], sealed[head + _SALT : head + _SALT + _NONCE]
    try:
        return AESGCM(_derived(key, salt)).decrypt(nonce, sealed[head + _SALT + _NONCE :], _MAGIC)
    except (InvalidTag, ValueError):
        return None


def read_key(path: Path) -> bytes:
    """The key in its file. Raises SettingsError for a file that holds none."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        key, seen = b"", f"{path}: {error.strerror}"
    else:
        seen = f"{path} has {len(key)} bytes"
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            "the key of the backups cannot be used",
            seen=seen,
            expected=f"a file with {SHORTEST_KEY} bytes or more (BACKUP_KEY_FILE)",
            next_step=f"(umask 077; openssl rand -hex 32 > {path}), and keep a copy of it far from the backups",
        )
    return key


def packed(files: Mapping[str, bytes]) -> bytes:
    """These files as one tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def unpacked(archive: bytes) -> dict[str, bytes]:
    """The files of such an archive."""
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            if file is not None:
                found[member.name] = file.read()
    return found


def _derived(key: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    return Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(key)
