"""Encrypts the secrets of a backup with the key of BACKUP_KEY_FILE (AES-256-GCM: any change is detected)."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

from rofecare_infra.errors import SettingsError
from rofecare_infra.settings import Settings

# The file of a backup that contains the secrets.
SECRETS = "secrets.sealed"
# Key files with fewer bytes are refused.
SHORTEST_KEY = 16

_MAGIC = b"rofecare sealed 1\n"
_SALT = 16
_NONCE = 12


def encrypt(content: bytes, key: bytes) -> bytes:
    """Encrypt with a new salt and nonce."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
    return _MAGIC + salt + nonce + AESGCM(_derived(key, salt)).encrypt(nonce, content, _MAGIC)


def decrypt(encrypted: bytes, key: bytes) -> bytes | None:
    """Decrypt; None if the key is another one or the content was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = len(_MAGIC)
    if not encrypted.startswith(_MAGIC):
        return None
    salt, nonce = encrypted[head : head + _SALT], encrypted[head + _SALT : head + _SALT + _NONCE]
    try:
        return AESGCM(_derived(key, salt)).decrypt(nonce, encrypted[head + _SALT + _NONCE :], _MAGIC)
    except (InvalidTag, ValueError):
        return None


def key_of(settings: Settings, backups: Path) -> bytes | None:
    """The key for the backups in this folder; None if BACKUP_KEY_FILE is not set.

    Raises SettingsError for a key that is stored with the backups, or that cannot be used.
    """
    path = settings.backup_key_file
    if path is None:
        return None
    if path.is_relative_to(backups.resolve()):
        raise SettingsError(
            "the key of the backups is stored with the backups",
            seen=f"{path} is below {backups}",
            expected="a key that is not copied together with the backups (BACKUP_KEY_FILE)",
            next_step="move it to another folder, and keep a copy of it far from the backups",
        )
    return read_key(path)


def read_key(path: Path) -> bytes:
    """Read a key file. Raises SettingsError if it contains no key."""
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


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Pack files into a tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o600
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def unpack(archive: bytes) -> dict[str, bytes]:
    """The files of a tar archive."""
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
