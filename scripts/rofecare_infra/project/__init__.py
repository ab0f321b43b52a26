"""The opened project: settings, mode, compose model, images and engine of one command."""

from rofecare_infra.project import marker, mode, release
from rofecare_infra.project.changes import in_use, of_checkout, publish, take_over
from rofecare_infra.project.opened import (
    Project,
    ensure_images,
    initialise,
    open_for_init,
    open_for_stop,
    open_project,
    prepare,
)
from rofecare_infra.project.ownership import require_own
from rofecare_infra.project.watch import announce, watching

__all__ = [
    "Project",
    "announce",
    "ensure_images",
    "in_use",
    "initialise",
    "marker",
    "mode",
    "of_checkout",
    "open_for_init",
    "open_for_stop",
    "open_project",
    "prepare",
    "publish",
    "release",
    "require_own",
    "take_over",
    "watching",
]
