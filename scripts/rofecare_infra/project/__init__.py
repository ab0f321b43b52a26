"""The opened project: settings, mode, compose model, images and engine of one command."""

from rofecare_infra.project.mode import forget as forget_production
from rofecare_infra.project.opened import (
    Project,
    ensure_images,
    initialise,
    open_for_init,
    open_for_stop,
    open_project,
    prepare,
)

__all__ = [
    "Project",
    "ensure_images",
    "forget_production",
    "initialise",
    "open_for_init",
    "open_for_stop",
    "open_project",
    "prepare",
]
