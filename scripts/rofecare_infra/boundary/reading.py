"""Opens the project for a command that only reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rofecare_infra.project import Project


def open_to_read(root: Path, *, monitoring: bool | None = None, stack: bool | None = False) -> Project:
    """Open the project without its secrets; in production, restore limits that a killed start left lifted.

    `stack` is None for a command that works on a stack, too.
    """
    from rofecare_infra import lifecycle
    from rofecare_infra.project import open_project

    project = open_project(root, secrets_checked=False, monitoring=monitoring, stack=stack)
    if project.production and not project.stack:
        lifecycle.restore_limits_unless_changing(project)
    return project
