"""The files that make a release: what the tasks of a production platform and its containers need, and no checkout.

The compose files and what they mount and build, the tasks, their package, and the Python distributions that it imports.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rofecare_infra.compose import OVERRIDES
from rofecare_infra.errors import CommandError
from rofecare_infra.settings import published, read

DISTRIBUTION = "rofecare-infra"
LAUNCHER = "inv"
_PACKAGES = ("rofecare_infra", "rofecare_dev")
# It builds and installs packages; the tasks do not import it.
_NOT_AT_RUN_TIME = frozenset({"setuptools"})
# Of the site, not of the software: they have their own places in the state folder.
_OF_THE_SITE = frozenset({".env", "secrets", *OVERRIDES})
_MADE = frozenset({"__pycache__", ".git"})
# What Maven makes beside this file.
_MAVEN, _TARGET = "pom.xml", "target"

_LAUNCH = """\
#!/bin/sh
# Runs the tasks of this release. It needs no checkout.
folder=$(dirname -- "$(readlink -f -- "$0")") || exit
PYTHONPATH=$folder/scripts:$folder/packages
PYTHONDONTWRITEBYTECODE=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE
exec {python} -P -s -m invoke --search-root "$folder" "$@"
"""


@dataclass(frozen=True)
class Piece:
    """One file of a release: a copy of another file, or a text."""

    source: Path | None = None
    text: str = ""
    executable: bool = False
    # Whether two releases that differ in this file alone are the same: compiled Python.
    derived: bool = False

    def content(self) -> bytes:
        """What the file contains."""
        return self.source.read_bytes() if self.source is not None else self.text.encode("utf-8")


def pieces(root: Path) -> dict[str, Piece]:
    """Path in the release -> its file, for a release of this checkout."""
    found = dict(_tree(root / "docker", "docker", without=_OF_THE_SITE))
    # The runbook, which `inv alerts` quotes.
    found |= dict(_tree(root / "monitoring", "monitoring"))
    for package in _PACKAGES:
        found |= dict(_tree(_folder_of(package), f"scripts/{package}"))
    found |= dict(_distributions())
    found["tasks.py"] = _copy(root / "tasks.py")
    found[".env"] = Piece(text=_published_settings(root / ".env"))
    found[LAUNCHER] = Piece(text=_LAUNCH.format(python=interpreter()), executable=True)
    return found


def _copy(source: Path) -> Piece:
    return Piece(source, executable=bool(source.stat().st_mode & 0o100))


def _tree(folder: Path, name: str, *, without: frozenset[str] = frozenset()) -> Iterator[tuple[str, Piece]]:
    for here, folders, files in os.walk(folder, followlinks=True):
        below = PurePosixPath(name) / Path(here).relative_to(folder).as_posix()
        left_out = _MADE | (without if Path(here) == folder else frozenset())
        if _MAVEN in files:
            left_out |= {_TARGET}
        folders[:] = sorted(one for one in folders if one not in left_out)
        for file in sorted(files):
            path = Path(here) / file
            if file not in left_out and path.is_file():
                yield str(below / file), _copy(path)


def _folder_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise _incomplete(f"no package {package}")
    return Path(next(iter(spec.submodule_search_locations)))


def _distributions() -> Iterator[tuple[str, Piece]]:
    """The files of every distribution that the tasks import, with what pip compiled; and the version of the tasks."""
    required = _required(DISTRIBUTION)
    own = importlib.metadata.distribution(DISTRIBUTION)
    for file in own.files or ():
        if file.name == "METADATA":
            yield f"packages/{file.as_posix()}", Piece(Path(str(own.locate_file(file))))
    for distribution in required.values():
        for file in distribution.files or ():
            path = Path(str(distribution.locate_file(file)))
            # A file outside of the packages is a program of the distribution.
            if ".." not in file.parts and path.is_file():
                yield f"packages/{file.as_posix()}", Piece(path, derived=path.suffix == ".pyc")


def _required(name: str) -> dict[str, importlib.metadata.Distribution]:
    found: dict[str, importlib.metadata.Distribution] = {}
    try:
        waiting = [*(importlib.metadata.requires(name) or ())]
    except importlib.metadata.PackageNotFoundError as error:
        raise _incomplete(f"no distribution {name}") from error
    while waiting:
        requirement = waiting.pop()
        needed = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower()
        if needed in {*found, *_NOT_AT_RUN_TIME} or "extra ==" in requirement:
            continue
        try:
            found[needed] = importlib.metadata.distribution(needed)
        except importlib.metadata.PackageNotFoundError:
            continue  # of another system or version of Python
        waiting += found[needed].requires or ()
    return found


def _incomplete(seen: str) -> CommandError:
    return CommandError(
        "no release can be written from here",
        seen=seen,
        expected="a checkout that was set up with all its Python packages",
        next_step="python3 scripts/bootstrap.py status, in a checkout; then run the same command again",
    )


def interpreter() -> str:
    """The Python of the machine, not of a virtual environment; if there is one, one that every user may run."""
    base = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (base, *(os.path.realpath(f"{folder}/{name}") for folder in ("/usr/bin", "/usr/local/bin")))
    return next((one for one in candidates if _is_for_all(Path(one))), base)


def _is_for_all(program: Path) -> bool:
    """Whether every user may run a program, such as none in the home of root."""
    return program.is_file() and all(path.stat().st_mode & 0o001 for path in (program, *program.parents))


def _published_settings(path: Path) -> str:
    """The text of `.env` with the values as they are published: those of the site are in a file of their own."""
    if not path.exists():
        return ""
    known = {name: one.value for name, one in published().items()}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "".join(f"{line}\n" for line in (_published_line(one, known) for one in lines) if line is not None)


def _published_line(line: str, known: Mapping[str, str]) -> str | None:
    found = re.match(r"\s*(?:export\s+)?([A-Za-z_]\w*)\s*=", line)
    if found is None:
        return line if not line.strip() or line.lstrip().startswith("#") else None
    return f"{found[1]}={known[found[1]]}" if found[1] in known else None


def settings_of_the_site(path: Path) -> dict[str, str]:
    """The assignments of a checkout's `.env` that differ from the published ones."""
    known = {name: one.value for name, one in published().items()}
    return {name: one.value for name, one in read(path)[0].items() if known.get(name) != one.value}
