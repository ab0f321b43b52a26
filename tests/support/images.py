"""Images that tests make containers of: built here where they are not, so that no suite depends on another one."""

from __future__ import annotations

import subprocess

from tests.support.project import IMAGE, REPOSITORY

POSTGRES = "rofecare/postgres:17"
REDIS = "rofecare/redis:8"


def ensure_base() -> str:
    """The image that the others stand on, and that has bash."""
    if not _is_there(IMAGE):
        subprocess.run(["bash", str(REPOSITORY / "docker/images/base/make-base.sh"), IMAGE], check=True)
    return IMAGE


def ensure(*names: str) -> None:
    """Those of `docker/images/` that stand on the base alone."""
    for name in names:
        if not _is_there(name):
            ensure_base()
            folder = REPOSITORY / "docker/images" / name.removeprefix("rofecare/").partition(":")[0]
            subprocess.run(["docker", "build", "--quiet", "--tag", name, str(folder)], check=True, capture_output=True)


def _is_there(name: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0
