"""The tasks that show the platform and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rofecare_infra.boundary.command import command
from rofecare_infra.boundary.reading import open_to_read

if TYPE_CHECKING:
    from rofecare_infra.lifecycle import ServiceStatus


@command(shows_report=True, help={"json": "print one JSON document"})
def status(root: Path, json: bool = False) -> None:
    """Show state, health, uptime, restarts, memory and port of every service. Exits with 0 if all are ready."""
    from invoke.exceptions import Exit

    from rofecare_infra import lifecycle
    from rofecare_infra.boundary import report
    from rofecare_infra.boundary.results import status as results
    from rofecare_infra.errors import ServiceFailedError
    from rofecare_infra.progress import renderer_for
    from rofecare_infra.recovery import unfinished

    project = open_to_read(root, stack=None)
    rows = lifecycle.status(lifecycle.as_started(project), project.engine)
    ready = sum(row.ready for row in rows)
    left = unfinished(project.settings)
    off = project.settings.protections_off if project.production else ()
    out = renderer_for(as_json=json)
    if json:
        last = report.last_of(project.settings)
        out.record(results.Status(project.platform.project, ready == len(rows), rows, left, last, off))
    else:
        out.say(_table(rows))
        out.say(f"\n{ready} of {len(rows)} ready")
        for one in off:
            out.say(one)
        for one in left:
            out.say(
                f"unfinished {one}: a command is at work (inv unlock shows it), or the next change recovers it first"
            )
    if ready < len(rows):
        raise Exit(code=ServiceFailedError.exit_code)


@command(
    words="service",
    help={"service": "this service, by its full or short name, and what it needs", "json": "print one JSON object"},
)
def why(root: Path, service: str = "", json: bool = False) -> None:
    """Show the first cause of what is not ready, with the next command. Exits with 0 if everything is ready."""
    from invoke.exceptions import Exit

    from rofecare_infra import lifecycle
    from rofecare_infra.boundary import guard, offer
    from rofecare_infra.boundary.results import status as results
    from rofecare_infra.platform import resolve
    from rofecare_infra.progress import renderer_for

    project = open_to_read(root, stack=None)
    platform = lifecycle.as_started(project)
    name = resolve([service], [one.name for one in platform.services])[0] if service else ""
    error = lifecycle.current_failure(platform, project.engine, name)
    if error is not None:
        if not json and offer.is_possible(error.next_step):
            renderer_for().say(guard.describe(error))
            code = offer.accepted(error.next_step, root)
            raise Exit(code=error.exit_code if code is None else code)
        raise error
    out = renderer_for(as_json=json)
    if json:
        out.record(results.Ready(name))
    else:
        out.say(f"{name or 'every service that was started'} is ready")


@command(
    help={
        "prod": "examine for production",
        "monitoring": "with the monitoring",
        "json": "print one JSON object per line",
    }
)
def doctor(root: Path, prod: bool = False, monitoring: bool = False, json: bool = False) -> None:
    """Examine settings, engine and machine before a start; nothing is changed."""
    from rofecare_infra import doctor as room
    from rofecare_infra.boundary.results import status as results
    from rofecare_infra.progress import renderer_for

    findings = []
    out = renderer_for(as_json=json)
    for finding in room.examine(root, monitoring=monitoring or None, production=prod or None):
        findings.append(finding)
        if json:
            out.record(results.Finding.of(finding))
        else:
            out.say(finding.line)
    error = room.error_of(findings)
    if error is not None:
        raise error


@command(
    help={
        "with-logs": "include the texts of log lines and messages, which may name patients",
        "to": "folder of the archive; default: the current one",
    }
)
def support(root: Path, with_logs: bool = False, to: str = "") -> None:
    """Write one archive about the platform for somebody who helps: without secrets, and without log texts."""
    from datetime import UTC, datetime

    from rofecare_infra import support as room
    from rofecare_infra.progress import renderer_for

    project, contents, masks = room.collect(root, room.Extent(with_logs))
    path = room.save(Path(to or Path.cwd()), project, contents, masks, datetime.now(UTC))
    out = renderer_for()
    out.say(f"{path} ({path.stat().st_size / 1e6:.1f} MB, {len(contents)} files)")
    texts = "the texts of log lines, which may name patients" if with_logs else "no texts of log lines"
    out.say(f"it contains {texts}, and no secrets; read it before you send it")


@command(
    help={
        "compare": "compare each service with the median of earlier starts of the same services",
        "svg": "also write the drawing to this file",
        "json": "print one JSON document",
    }
)
def timeline(root: Path, compare: bool = False, svg: str = "", json: bool = False) -> None:
    """Draw the last start: when each service was created, started and ready, and the critical path."""
    from shutil import get_terminal_size

    from rofecare_infra import history
    from rofecare_infra.engine import connect
    from rofecare_infra.progress import Part, renderer_for
    from rofecare_infra.project import announce, load_home

    settings, _ = load_home(root, connect)
    announce(settings)
    found = history.read(history.folder_of(settings))
    record = history.newest(found, settings.project)
    compared = history.require_comparison(record, found.records) if compare else None
    if svg:
        history.save(record, Path(svg))
    out = renderer_for(as_json=json)
    if json:
        out.record(history.Timeline.of(record, compared, found.notes))
        return
    for note in found.notes:
        out.say(f"note: {note}")
    if compared is not None:
        out.say(history.heading(record))
        out.say(history.tabulate(compared))
        return
    for line in history.draw(record, get_terminal_size().columns):
        out.say_parts((Part(line.text, "bold" if line.critical else ""),))


@command(
    iterable=["service"],
    words="service",
    help={
        "service": "full or short name (inv logs gateway identity); default: all",
        "tail": "number of earlier lines of each container, counted before --level and --grep; -1: all",
        "since": "30s, 10m, 2h, 1d, or a timestamp",
        "follow": "follow until ^C (--no-follow: stop after the existing lines)",
        "level": "only lines of this level and above: trace, debug, info, warn, error, fatal",
        "grep": "only lines in which this regular expression of Python matches; (?i) before it ignores case",
        "raw": "print lines as the engine returns them: JSON is not formatted",
    },
)
def logs(  # noqa: PLR0917 - each is a flag of the command line
    root: Path,
    service: Sequence[str],
    tail: int = 100,
    since: str = "",
    follow: bool = True,
    level: str = "",
    grep: str = "",
    raw: bool = False,
) -> None:
    """Show the logs of services, live, across their restarts."""
    import sys
    import time

    from rofecare_infra import logs as room
    from rofecare_infra.platform import resolve, short
    from rofecare_infra.progress import renderer_for

    wanted = room.parse_wanted(level, grep)
    project = open_to_read(root, stack=None)
    known = [one.name for one in project.platform.services]
    chosen = resolve(service, known) or tuple(known)
    begin = room.parse_since(since, time.time())
    lines = None if tail < 0 else tail
    width = max(len(short(name)) for name in chosen) if len(chosen) > 1 else 0
    view = room.View(known, width, raw=raw, escape=not raw or sys.stdout.isatty())
    read = room.follow if follow else room.history
    out = renderer_for(lasting=False)
    found = read(project.engine, project.platform.project, chosen, since=begin, tail=lines)
    for line, record in room.select(found, wanted):
        for parts in room.shown(line, record, view):
            out.say_parts(parts)


@command(help={"json": "print one JSON object per line"})
def smoke(root: Path, json: bool = False) -> None:
    """Test every connection of the started platform with real traffic, and name the broken one."""
    from rofecare_infra import lifecycle
    from rofecare_infra import smoke as room
    from rofecare_infra.boundary.results import status as results
    from rofecare_infra.progress import Scope, renderer_for

    with Scope(renderer_for(as_json=json)) as scope:
        project = open_to_read(root, stack=None)
        lifecycle.require_open(project)
        report = scope.follow(room.run(lifecycle.as_started(project), project.engine))
        if report.ok:
            scope.say(room.shown(report))
            scope.say(f"\n{report.summary}")
        scope.record(results.SmokeTested.of(report))
        if not report.ok:
            raise room.error_of(report)


def _table(rows: Sequence[ServiceStatus]) -> str:
    from datetime import UTC, datetime

    from rofecare_infra.platform import short
    from rofecare_infra.progress import duration, mebibytes, table

    now = datetime.now(UTC)
    # On a stack, the node of each replica.
    nodes = any(row.node for row in rows)
    cells: list[tuple[str, ...]] = []
    phase = ""
    for row in rows:
        if row.phase != phase:
            phase = row.phase
            cells.append((phase, *[""] * (7 if nodes else 6)))
        cells.append(
            (
                f"  {short(row.service)}",
                *([row.node] if nodes else []),
                f"{row.state} ({row.health})" if row.health else row.state,
                duration((now - datetime.fromisoformat(row.started_at)).total_seconds()) if row.started_at else "",
                str(row.restarts),
                mebibytes(row.memory_bytes),
                ",".join(map(str, row.ports)),
                row.reason[:40],
            )
        )
    where = ["NODE"] if nodes else []
    return table(("SERVICE", *where, "STATE", "UP", "RESTARTS", "MEMORY", "PORT", ""), cells)
