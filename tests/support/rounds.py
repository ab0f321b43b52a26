"""How often the soak repeats a fault at a random moment."""

from __future__ import annotations

import os

ROUNDS = int(os.environ.get("ROFECARE_FAULT_ROUNDS", "5"))
