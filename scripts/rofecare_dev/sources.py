"""The files of this repository by kind. The folders are walked, so that a copy without git's history works too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Generated on each machine, or not part of this repository.
_IGNORED = frozenset({".git", ".venv", ".rofecare", "__pycache__", "node_modules", "target"})
_GENERATED = (Path("backups"), Path("docker/secrets"))
_SHELLS = ("sh", "bash", "dash")


def files(root: Path) -> Iterator[Path]:
    """Every file of the repository, in a stable order, relative to `root`."""
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(name for name in folders if not _is_generated((here / name).relative_to(root)))
        yield from ((here / name).relative_to(root) for name in sorted(names) if not (here / name).is_symlink())


def dockerfiles(root: Path) -> tuple[Path, ...]:
    """Every Dockerfile."""
    return tuple(path for path in files(root) if path.name.partition(".")[0] == "Dockerfile")


def shell_scripts(root: Path) -> tuple[Path, ...]:
    """Every script whose first line names a shell, regardless of its file name."""
    return tuple(path for path in files(root) if _interpreter(root / path) in _SHELLS)


def yaml_files(root: Path) -> tuple[Path, ...]:
    """Every YAML file."""
    return tuple(path for path in files(root) if path.suffix in {".yml", ".yaml"} or path.name == ".yamllint")


def overlays(root: Path) -> tuple[str, ...]:
    """The compose files that extend the base file, without the user's own override."""
    found = (path.name for path in (root / "docker").glob("docker-compose.*.yml"))
    return tuple(sorted(name for name in found if "compose.override." not in name))


def hardened(root: Path) -> tuple[str, ...]:
    """The compose files of production with TLS, in the order in which they are merged; those that exist."""
    wanted = ("docker-compose.yml", "docker-compose.prod.yml", "docker-compose.tls.yml")
    return tuple(name for name in wanted if (root / "docker" / name).exists())


def _is_generated(folder: Path) -> bool:
    return folder in _GENERATED or folder.name in _IGNORED or folder.name.endswith(("_cache", ".egg-info"))


def _interpreter(path: Path) -> str:
    with path.open("rb") as stream:
        first = stream.readline(200).decode(errors="replace")
    if not first.startswith("#!"):
        return ""
    words = [Path(word).name for word in first[2:].split()]
    return words[1] if words[:1] == ["env"] and words[1:] else (words or [""])[0]
