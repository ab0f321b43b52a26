"""The backups of a small project, as `inv backups` lists them, and what a backup must not leave behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pyrage import decrypt, x25519

from tests.support.project import Project

Json = dict[str, Any]


def listed(project: Project) -> list[Json]:
    """All backups, oldest first."""
    code, output = project.inv("backups", "--json")
    assert code == 0, output
    # Before it may be a note about an interrupted command, on standard error.
    found: list[Json] = json.loads(output[output.index("[") :])
    return found


def newest(project: Project) -> Path:
    """The folder of the newest backup."""
    return Path(listed(project)[-1]["folder"])


def leftovers(project: Project) -> list[str]:
    """Unfinished folders and scratch containers."""
    hidden = [path.name for path in (project.root / "backups" / project.name).iterdir() if path.name.startswith(".p")]
    return hidden + project.docker("ps", "-aq", "--filter", f"label=com.rofecare.scratch={project.name}").split()


def key_of(project: Project) -> Path:
    """The key file that the first backup creates."""
    return project.root / ".rofecare/backup.key"


def decrypted(project: Project, path: Path) -> bytes:
    """The content of a file of a backup, read by the library of age alone."""
    identity = next(line for line in key_of(project).read_text().splitlines() if line.startswith("AGE-"))
    content: bytes = decrypt(path.read_bytes(), [x25519.Identity.from_str(identity)])
    return content
