"""Whatever goes wrong becomes a message and an exit code here; no traceback reaches a user."""

from __future__ import annotations

import contextlib
import os
import sys

from bootstrapping.errors import BUG, COMMAND, INTERRUPTED, Refusal
from bootstrapping.flow import run


def guarded(argv: list[str]) -> int:
    """Run the bootstrap for the checkout that this file belongs to, and return its exit code."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    try:
        return run(argv, root)
    except Refusal as refusal:
        message, code = str(refusal), refusal.code
    except KeyboardInterrupt:
        message, code = "bootstrap: interrupted; the same command goes on from here", INTERRUPTED
    except OSError as error:
        unusable = Refusal(
            "a file or program cannot be used",
            seen=f"{error.filename or ''}: {error.strerror or error}".lstrip(": "),
            expected=f"a checkout that this user may write to, and space on the disk ({root})",
            then="put that right, then the same command again",
            code=COMMAND,
        )
        message, code = str(unusable), unusable.code
    except Exception:  # noqa: BLE001 - the last net: what is not expected is a bug, and reported as one
        message, code = _bug(), BUG
    # If the stream is closed, the exit code remains.
    with contextlib.suppress(OSError):
        sys.stderr.write(message + "\n")
    return code


def _bug() -> str:
    """Write the traceback to a file and say where it is."""
    import traceback

    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"rofecare-bootstrap-{os.getpid()}.txt")  # noqa: S108
    report = traceback.format_exc()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        return f"bootstrap: a bug in the bootstrap\n{report}"
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"{sys.version}\n{report}")
    return f"bootstrap: a bug in the bootstrap; please report it with the file {path}"
