"""From dashboards to the files that Grafana reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from rofecare_infra.dashboards import databases, gateway, hospital, host, jvm, kafka, logs, redis, service, starts

# The name of its file -> how it is drawn.
DASHBOARDS: Mapping[str, Callable[[], Dashboard]] = {
    "hospital": hospital.drawn,
    "service": service.drawn,
    "gateway": gateway.drawn,
    "jvm": jvm.drawn,
    "databases": databases.drawn,
    "kafka": kafka.drawn,
    "redis": redis.drawn,
    "host": host.drawn,
    "logs": logs.drawn,
    "starts": starts.drawn,
}


def texts() -> dict[str, str]:
    """File name -> what is written into it."""
    return {
        f"{name}.json": json.dumps(draw(), cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        for name, draw in DASHBOARDS.items()
    }


def write(folder: Path) -> tuple[Path, ...]:
    """Write those that are not as they should be, and remove what no module draws; return what was changed."""
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
