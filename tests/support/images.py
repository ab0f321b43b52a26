"""Images that tests make containers of: built here if missing, so that no suite depends on another one.

Workers that need the same image wait for the one that builds it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tests.support.project import IMAGE, INV, REPOSITORY
from tests.support.turnstile import locked

POSTGRES = "rofecare/postgres:17"
REDIS = "rofecare/redis:8"
KAFKA = "rofecare/kafka:3.9.1"
_LOCK = Path(tempfile.gettempdir()) / f"rofecare-test-images-{os.getuid()}.lock"


def ensure_base() -> str:
    """The image that the others stand on, and that has bash."""
    with locked(_LOCK):
        _ensure_base()
    return IMAGE


def ensure(*names: str) -> None:
    """Those of `docker/images/` that stand on the base alone."""
    with locked(_LOCK):
        for name in names:
            if not _is_there(name):
                _ensure_base()
                folder = REPOSITORY / "docker/images" / name.removeprefix("rofecare/").partition(":")[0]
                argv = ["docker", "build", "--quiet", "--tag", name, str(folder)]
                subprocess.run(argv, check=True, capture_output=True)


def ensure_kafka() -> None:
    """That of Kafka and ZooKeeper, which stands on others: the tasks build them in their order."""
    with locked(_LOCK):
        if not _is_there(KAFKA):
            environment = {**os.environ, "IMAGES": "packages"}
            subprocess.run([str(INV), "build", "kafka"], cwd=REPOSITORY, env=environment, check=True)


def _ensure_base() -> None:
    if not _is_there(IMAGE):
        subprocess.run(["bash", str(REPOSITORY / "docker/images/base/make-base.sh"), IMAGE], check=True)


def _is_there(name: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


def ensure_applications(*services: str) -> None:
    """The reference services, up to date, unless the environment names other images."""
    ours = [name for name in services if not os.environ.get(f"{name.upper().replace('-', '_')}_IMAGE")]
    if ours:
        build(*ours)


def build(*services: str) -> None:
    """The images of these services, up to date. One build at a time: a second one would be refused."""
    environment = {**os.environ, "IMAGES": "packages", "SERVICES": "reference"}
    with locked(_LOCK):
        argv = [str(INV), "build", *services]
        done = subprocess.run(argv, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
