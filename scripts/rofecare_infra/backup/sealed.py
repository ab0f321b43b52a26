"""Opens the secrets in backups of earlier versions: AES-256-GCM, with a key derived from the key file by scrypt."""

from __future__ import annotations

# The file of such a backup that contains the secrets.
SECRETS = "secrets.sealed"

_MAGIC = b"rofecare sealed 1\n"
_SALT = 16
_NONCE = 12


def decrypt(encrypted: bytes, key: bytes) -> bytes | None:
    """Decrypt; None if the key is another one or the content was changed."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    head = len(_MAGIC)
    if not encrypted.startswith(_MAGIC):
        return None
    salt, nonce = encrypted[head : head + _SALT], encrypted[head + _SALT : head + _SALT + _NONCE]
    derived = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(key)
    try:
        return AESGCM(derived).decrypt(nonce, encrypted[head + _SALT + _NONCE :], _MAGIC)
    except (InvalidTag, ValueError):
        return None
