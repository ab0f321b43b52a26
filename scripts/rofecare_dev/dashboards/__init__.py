"""The dashboards of Grafana: one module in `boards` for each, written as the JSON files that Grafana reads.

Needs the builders of Grafana's own schema, which are a development tool: a platform needs only the files.
"""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from rofecare_dev.dashboards import boards


def texts() -> dict[str, str]:
    """File name -> content, for each module in `boards`: its function `dashboard` builds the dashboard."""
    found = {one.name: import_module(f"{boards.__name__}.{one.name}") for one in pkgutil.iter_modules(boards.__path__)}
    return {
        f"{name}.json": json.dumps(module.dashboard(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False)
        + "\n"
        for name, module in found.items()
    }


def write(folder: Path) -> tuple[Path, ...]:
    """Write the files that differ, and remove those without a module; return what changed."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = texts()
    changed = [path for path in folder.glob("*.json") if path.name not in wanted]
    for path in changed:
        path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return tuple(changed)
