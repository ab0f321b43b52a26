"""The key of the backups: an age identity, which encrypts every file, and from which the key of the MAC is derived.

The file is that of `age-keygen`: lines with identities, and comments. The first identity encrypts; all of them decrypt,
so that backups made with an earlier one can be restored. Any other line is a key of an earlier version, which encrypted
the secrets of a backup only.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.errors import SettingsError
from rofecare_infra.settings import Settings

FILE = "backup.key"
_IDENTITY = "AGE-SECRET-KEY-1"
_PURPOSE = b"rofecare backup manifest"
_TEXT = """\
# The key of the backups of Rofecare, for `age --decrypt --identity`.
# Without it no backup can be restored: keep a copy far from this machine and from the backups.
# public key: {recipient}
{identity}
"""


@dataclass(frozen=True)
class Key:
    """A key file that was read."""

    path: Path
    identities: tuple[str, ...] = field(repr=False)
    # The key of an earlier version; empty if the file has none.
    earlier: bytes = field(default=b"", repr=False)

    @property
    def recipient(self) -> str:
        """The public part of the identity that encrypts."""
        return self.recipients[0]

    @property
    def recipients(self) -> tuple[str, ...]:
        """The public parts of all identities."""
        return tuple(map(_recipient, self.identities))

    def mac(self, content: bytes) -> str:
        """The HMAC-SHA256 of some content, in hexadecimal digits."""
        return _mac(self.identities[0], content)

    def is_mac_of(self, content: bytes, mac: str) -> bool:
        """Whether it was computed with one of the identities."""
        return any(hmac.compare_digest(_mac(one, content).encode(), mac.encode()) for one in self.identities)


def file_of(settings: Settings, *, production: bool = False) -> Path:
    """The path of the key file: BACKUP_KEY_FILE, or a file in the state folder."""
    chosen = settings.backup_key_file
    return chosen or (settings.site_folder if production else settings.state_folder) / FILE


def key_of(settings: Settings) -> Key:
    """Read the key. Raises SettingsError if there is none, or it is stored with the backups, or cannot be used."""
    path = file_of(settings)
    if path.resolve().is_relative_to(settings.backup_folder.resolve()):
        raise SettingsError(
            "the key of the backups is stored with the backups",
            seen=f"{path} is below {settings.backup_folder}",
            expected="a key that is not copied together with the backups (BACKUP_KEY_FILE)",
            next_step="move it to another folder, and keep a copy of it far from the backups",
        )
    try:
        lines = path.read_bytes().decode("utf-8", "surrogateescape").splitlines()
    except OSError as error:
        raise _unusable(path, f"{path}: {error.strerror}") from error
    words = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    identities = tuple(word for word in words if word.upper().startswith(_IDENTITY))
    earlier = "\n".join(word for word in words if word not in identities).encode("utf-8", "surrogateescape")
    if not identities:
        why = "only a key of an earlier version" if earlier else "no age identity"
        raise _unusable(path, f"{path} contains {why}")
    key = Key(path, identities, earlier)
    try:
        for one in identities:
            _recipient(one)
    except ValueError as error:
        raise _unusable(path, f"{path} contains an age identity that cannot be read") from error
    return key


def make(path: Path) -> bool:
    """Create the key file, or add an identity to one that has none; return whether anything was written.

    Raises SettingsError where it cannot be written.
    """
    from pyrage import x25519

    try:
        present = path.read_bytes() if path.exists() else b""
        if _IDENTITY.encode() in present.upper():
            return False
        identity = x25519.Identity.generate()
        text = _TEXT.format(recipient=identity.to_public(), identity=identity).encode()
        if present:
            text += b"# A key of an earlier version:\n" + present
        state.make_folder(path.parent, mode=0o700)
        state.replace(path, text, mode=0o600)
    except OSError as error:
        raise _unusable(path, f"{path}: {error.strerror}") from error
    return True


def _recipient(identity: str) -> str:
    from pyrage import IdentityError, x25519

    try:
        return str(x25519.Identity.from_str(identity).to_public())
    except IdentityError as error:
        raise ValueError(str(error)) from error


def _mac(identity: str, content: bytes) -> str:
    derived = hmac.digest(identity.upper().encode(), _PURPOSE, "sha256")
    return hmac.new(derived, content, hashlib.sha256).hexdigest()


def _unusable(path: Path, seen: str) -> SettingsError:
    return SettingsError(
        "the key of the backups cannot be used",
        seen=seen,
        expected="a file with an age identity that only this user can read (BACKUP_KEY_FILE)",
        next_step=f"put the key back if there was one; a new one: inv init; then keep a copy of {path} far from here",
    )
