"""Images: where each comes from, and how it is built or pulled."""

from rofecare_infra.images import sbom
from rofecare_infra.images.build import BuildReport, build, missing
from rofecare_infra.images.fetch import fetch
from rofecare_infra.images.lockfile import MIRROR_FILE
from rofecare_infra.images.lockfile import read as read_lock
from rofecare_infra.images.outdated import UpstreamImage
from rofecare_infra.images.pull import pull
from rofecare_infra.images.resolve import Sources, local, resolve

__all__ = [
    "MIRROR_FILE",
    "BuildReport",
    "Sources",
    "UpstreamImage",
    "build",
    "fetch",
    "local",
    "missing",
    "pull",
    "read_lock",
    "resolve",
    "sbom",
]
