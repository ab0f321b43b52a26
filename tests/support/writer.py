"""Writes records through the gateway until its standard input ends; then prints the acknowledged ones as JSON.

A separate program, so that it can run in the network of another machine and survive it.
"""

from __future__ import annotations

import json
import sys
import time
import uuid

from tests.support.load import Account, Ask, Load
from tests.support.routes import PATHS

_WRITES = [Ask(name, "POST", f"{path}/records", lambda: {"name": uuid.uuid4().hex}) for name, path in PATHS.items()]

# Seconds.
_PATIENCE = 180


def main(base: str) -> None:
    """Print `writing` when it has begun, and at the end service -> the identifiers of its acknowledged records."""
    with Load(base, _WRITES, rate=16, login=Account(), timeout=10) as load:
        # Services are slow after their start: ready when every service has acknowledged a record.
        end = time.monotonic() + _PATIENCE
        while not all(any(shot.ok for shot in load.of(name)) for name in PATHS):
            if time.monotonic() > end:
                sys.exit(f"not every service writes:\n{load.summary()}")
            time.sleep(0.2)
        _print("writing")
        sys.stdin.read()
    acknowledged = {name: [json.loads(shot.answer)["id"] for shot in load.of(name) if shot.ok] for name in PATHS}
    _print(json.dumps(acknowledged))


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
