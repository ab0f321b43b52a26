"""The hash of all inputs of an image: an image with an unchanged hash is not built again."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

# Files of builds, editors and version control are not inputs.
_IGNORED = frozenset({".git", ".idea", ".vscode", "target", "node_modules", "__pycache__"})

# Updates of the certificates by the distribution do not require a rebuild.
_IGNORED_KEYS = frozenset({"secrets"})


def fingerprint(definition: Mapping[str, object], sources: Iterable[Path], bases: Iterable[str]) -> str:
    """The hash of a build: its definition, the files that it reads, the ids of its local base images."""
    digest = hashlib.sha256()
    kept = {key: value for key, value in definition.items() if key not in _IGNORED_KEYS}
    digest.update(json.dumps([kept, sorted(bases)], sort_keys=True, default=str).encode())
    for source in sources:
        for path in _files(source):
            # The owner's bit, as in git: the other bits depend on the umask of a clone.
            digest.update(f"{path}\0{0o111 if path.stat().st_mode & 0o100 else 0}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for folder, folders, files in os.walk(source):
        folders[:] = sorted(name for name in folders if name not in _IGNORED)
        for name in sorted(files):
            path = Path(folder) / name
            if path.is_file():
                yield path
