"""The tasks of this checkout, as `inv` loads them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from invoke.collection import Collection


def load_namespace(root: Path) -> Collection:
    """Import tasks.py; return its namespace."""
    spec = importlib.util.spec_from_file_location("project_tasks", root / "tasks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    namespace = module.namespace
    assert isinstance(namespace, Collection)
    return namespace
