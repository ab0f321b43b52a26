"""The opened project: settings, mode, compose model, images and engine of one command."""

from rofecare_infra.project import marker, mode, mounts, release
from rofecare_infra.project.changes import (
    of_checkout,
    on_release,
    publish,
    release_of,
    remove_releases,
    reopened,
    require_release,
    take_over,
)
from rofecare_infra.project.home import load_home
from rofecare_infra.project.opened import Project, open_for_init, open_for_stop, open_project
from rofecare_infra.project.ownership import require_own
from rofecare_infra.project.prepared import ensure_images, initialise, prepare, require_startable
from rofecare_infra.project.watch import announce, watching

__all__ = [
    "Project",
    "announce",
    "ensure_images",
    "initialise",
    "load_home",
    "marker",
    "mode",
    "mounts",
    "of_checkout",
    "on_release",
    "open_for_init",
    "open_for_stop",
    "open_project",
    "prepare",
    "publish",
    "release",
    "release_of",
    "remove_releases",
    "reopened",
    "require_own",
    "require_release",
    "require_startable",
    "take_over",
    "watching",
]
