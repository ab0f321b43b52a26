"""Writes the archive: atomically, for its owner alone, and never with a secret."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from rofecare_infra import state
from rofecare_infra.backup import encryption
from rofecare_infra.errors import CommandError
from rofecare_infra.support.masking import Masks


def save(folder: Path, project: str, contents: Mapping[str, str], masks: Masks, now: datetime) -> Path:
    """Write the files of the archive, whose texts are cleaned here; return its path.

    Raises CommandError where it cannot be written, or a secret would be in it nevertheless.
    """
    name = f"rofecare-support-{project}-{now:%Y%m%dT%H%M%SZ}"
    members = {f"{name}/{path}": masks.cleaned(text).encode() for path, text in contents.items()}
    found = [path for path, content in members.items() if masks.is_in(content)]
    if found:
        raise CommandError(
            "the archive was not written",
            seen=f"a secret in {found[0]} that could not be masked",
            expected="an archive without secrets",
            next_step="report this as an error of this software, without that file",
        )
    path = folder / f"{name}.tar.gz"
    try:
        state.replace(path, gzip.compress(encryption.pack(members)), mode=0o600)
    except OSError as error:
        raise CommandError(
            "the archive cannot be written",
            seen=f"{path}: {error.strerror}",
            expected="a folder that this user can write to, with free space",
            next_step="inv support --to FOLDER",
        ) from error
    return path
