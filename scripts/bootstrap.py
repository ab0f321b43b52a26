#!/usr/bin/env python3
"""A fresh machine -> a working checkout -> a task: `python3 scripts/bootstrap.py start-all`.

Standard library only, and of that only what Debian's python3-minimal holds: this file is what runs before
anything else is installed. It is kept readable by older Pythons, so that it can report that they are too old.
"""

import os
import sys

OLDEST_PYTHON = (3, 11)


def too_early() -> "tuple[str, str, str, str] | None":
    """Say why this interpreter or system cannot run the bootstrap at all, or return None."""
    if os.name != "posix":
        return (
            "this system is not supported",
            sys.platform,
            "Linux or macOS",
            "on Windows, run the same command inside WSL 2 (Debian or Ubuntu)",
        )
    if sys.version_info < OLDEST_PYTHON:
        return (
            "this Python is too old",
            f"Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable})",
            "Python {}.{} or newer".format(*OLDEST_PYTHON),
            "install a newer one and name it: python3.11 " + " ".join(sys.argv),
        )
    return None


def main() -> int:
    """Run the bootstrap; return its exit code (it does not return when the task runs)."""
    problem = too_early()
    if problem is not None:
        lines = "bootstrap: {}\n  seen:      {}\n  expected:  {}\n  next:      {}\n"
        sys.stderr.write(lines.format(*problem))
        return 3
    from bootstrapping.main import guarded

    return guarded(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
