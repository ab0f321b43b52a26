"""Client programs of this machine, as a developer would use them against a platform."""

from __future__ import annotations

import os
import subprocess


def client(*argv: str, stdin: str = "", **environment: str) -> str:
    """Run a client program; return its output."""
    done = subprocess.run(
        argv, env={**os.environ, **environment}, input=stdin, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
    return done.stdout
