"""The body of the task that finds log lines and traces."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rofecare_infra import logs, search
from rofecare_infra.platform import resolve, short
from rofecare_infra.progress import renderer_for
from rofecare_infra.project import open_project


def search_logs(
    root: Path, text: str, services: Sequence[str], *, since: str, trace: str, level: str, limit: int, as_json: bool
) -> None:
    """Show the lines that match and, of a trace, its spans."""
    project = open_project(root, secrets_checked=False, monitoring=True)
    known = [service.name for service in project.platform.services]
    # A trace is looked for in all that is kept.
    begin = logs.parse_since(since or ("" if trace else "1h"), time.time())
    wanted = search.Wanted(text, resolve(services, known), begin, trace, level, limit)
    found = search.search(search.Stores(project.platform), wanted)
    out = renderer_for(lasting=False)
    if as_json:
        out.say(json.dumps(asdict(found)))
        return
    if found.spans:
        out.say(search.shown_spans(found.spans) + "\n")
    elif trace:
        out.say("the trace was not recorded, or not yet: TRACES_SAMPLED of .env says how many are\n")
    width = max((len(short(line.service)) for line in found.lines), default=0)
    for line in found.lines:
        out.say(search.shown_line(line, width))
    shown = len(found.lines)
    if not shown:
        out.say(f"no line matches{'' if trace or since else ' within the last hour (--since 1d looks further back)'}")
    elif found.total > shown:
        out.say(f"\nthe newest {shown} of {found.total} lines (--limit {min(found.total, 10_000)} shows more)")
