"""Images: where each comes from, and how it is built or pulled."""

from rofecare_infra.images import sbom
from rofecare_infra.images.build import BuildReport, build, missing
from rofecare_infra.images.pull import pull
from rofecare_infra.images.resolve import Sources, local, resolve

__all__ = ["BuildReport", "Sources", "build", "local", "missing", "pull", "resolve", "sbom"]
