"""The body of the task that changes a secret."""

from __future__ import annotations

import time
from pathlib import Path

from rofecare_infra import rotation
from rofecare_infra.progress import Scope, renderer_for
from rofecare_infra.project import open_project


def rotate(root: Path, word: str, *, as_json: bool) -> None:
    """Change a secret; say what was restarted for it."""
    began = time.monotonic()
    with Scope(renderer_for(as_json=as_json)) as scope:
        project = open_project(root)
        scope.follow(rotation.recover(project))
        report = scope.follow(rotation.rotate(project, word))
        restarted = ", ".join(f"{name} ({seconds:.1f} s)" for name, seconds in report.restarted.items())
        scope.say(f"{report.secret} is changed: the new secret is accepted, the old one is refused")
        scope.say(f"restarted, each once: {restarted or 'nothing'}; {time.monotonic() - began:.1f} s in all")
