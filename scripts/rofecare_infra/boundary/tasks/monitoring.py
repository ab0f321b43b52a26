"""The tasks of the monitoring: start, stop, alerts, log search."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rofecare_infra.boundary.command import command
from rofecare_infra.boundary.reading import open_to_read
from rofecare_infra.boundary.tasks.platform import left_running

if TYPE_CHECKING:
    from rofecare_infra.alerts import Alert, Sent


@command(changes=True, help={"json": "print one JSON object per line"}, interrupted=left_running)
def start_monitoring(root: Path, json: bool = False) -> None:
    """Start the monitoring: metrics, alerts, dashboards, logs, traces."""
    import time

    from rofecare_infra import backup, history, lifecycle
    from rofecare_infra.boundary import loopback
    from rofecare_infra.boundary.results import monitoring as results
    from rofecare_infra.boundary.results.platform import noting, services_of
    from rofecare_infra.monitoring import USER, pages
    from rofecare_infra.platform import MONITORING
    from rofecare_infra.progress import Scope, renderer_for, table
    from rofecare_infra.project import open_project, prepare
    from rofecare_infra.recovery import recover

    began = time.monotonic()
    with Scope(renderer_for(as_json=json)) as scope:
        project = open_project(root, monitoring=True)
        project = scope.follow(recover(project))
        backup.refresh_metrics(project)
        project = scope.follow(prepare(project))
        started: list[str] = []
        with loopback.closed(scope, project):
            containers = scope.follow(noting(history.start(project, phases=[MONITORING]), started))
        count = f"{len(containers)} of {len(containers)} containers ready"
        seconds = time.monotonic() - began
        scope.say(f"up: {count} after {seconds:.1f} s\n")
        found = pages(project.platform)
        rows = [(page.service, f"http://{lifecycle.host_of(page.port)}") for page in found]
        scope.say(table(("SERVICE", "ADDRESS"), rows))
        password = next((page.password_file for page in found if page.password_file is not None), None)
        if password is not None:
            scope.say(f"\nuser {USER}, password in {password}")
        receivers = [name for name in ("ALERT_EMAIL", "ALERT_WEBHOOK") if project.settings.get(name)]
        scope.say(
            f"\nalerts are sent to: {', '.join(receivers) or 'inv alerts only (ALERT_EMAIL, ALERT_WEBHOOK in .env)'}"
        )
        addresses = tuple(results.Address(*row) for row in rows)
        services = services_of(containers)
        scope.record(
            results.MonitoringStarted(services, len(containers), tuple(started), seconds, addresses, tuple(receivers))
        )


@command(changes=True, help={"json": "print one JSON object per line"}, interrupted=left_running)
def stop_monitoring(root: Path, json: bool = False) -> None:
    """Stop only the monitoring; its recorded data is kept."""
    from rofecare_infra import lifecycle
    from rofecare_infra.boundary.results import platform as results
    from rofecare_infra.progress import Scope, renderer_for
    from rofecare_infra.project import open_for_stop

    with Scope(renderer_for(as_json=json)) as scope:
        report = scope.follow(lifecycle.stop_monitoring(open_for_stop(root)))
        scope.say(f"stopped: {len(report.stopped)} containers" if report.stopped else "nothing was running")
        scope.record(results.Stopped.of(report))


@command(
    help={
        "test": "send one alert to everybody who receives alerts, and print what the other side answered",
        "json": "print one JSON document",
    }
)
def alerts(root: Path, test: bool = False, json: bool = False) -> None:
    """Show the firing alerts and what to do about them; exits with 7 if one is critical."""
    from invoke.exceptions import Exit

    from rofecare_infra import alerts as room
    from rofecare_infra.boundary.results import monitoring as results
    from rofecare_infra.errors import ServiceFailedError
    from rofecare_infra.progress import renderer_for

    out = renderer_for(as_json=json)
    if test:
        sent = room.send_test(open_to_read(root, monitoring=True))
        if json:
            out.record(results.AlertTested(sent.id, sent.ok, sent.deliveries))
        else:
            out.say(_answers(sent))
        if not sent.ok:
            raise room.error_of(sent)
        return
    found = room.firing(open_to_read(root).platform)
    critical = any(one.critical for one in found)
    if json:
        out.record(results.Alerts(critical, found))
    else:
        runbook = room.sections((root / "monitoring" / "runbook.md").read_text(encoding="utf-8"))
        for line in _described(found, runbook):
            out.say(line)
    if critical:
        raise Exit(code=ServiceFailedError.exit_code)


@command(
    iterable=["text", "service"],
    words="text",
    help={
        "text": "words that occur in the line in this order; the last may be the start of a word",
        "service": "full or short name; may be repeated",
        "since": "30s, 10m, 2h, 1d, or a timestamp; default: 1h, with --trace everything",
        "trace": "the X-Trace-Id of a response: show its spans, and its lines from all services",
        "level": "only lines of this level: ERROR, WARN, INFO",
        "limit": "maximum number of lines, newest first",
        "json": "print one JSON document",
    },
)
def search_logs(  # noqa: PLR0917 - each is a flag of the command line
    root: Path,
    text: Sequence[str],
    service: Sequence[str],
    since: str = "",
    trace: str = "",
    level: str = "",
    limit: int = 100,
    json: bool = False,
) -> None:
    """Search the central logs of all services, and show a trace with its spans."""
    import time

    from rofecare_infra import logs, search
    from rofecare_infra.boundary.results import monitoring as results
    from rofecare_infra.platform import resolve, short
    from rofecare_infra.progress import renderer_for

    project = open_to_read(root, monitoring=True)
    known = [one.name for one in project.platform.services]
    # A trace is searched for in all stored lines.
    begin = logs.parse_since(since or ("" if trace else "1h"), time.time())
    wanted = search.Wanted(" ".join(text), resolve(service, known), begin, trace, level, limit)
    found = search.search(search.Stores(project.platform), wanted)
    out = renderer_for(as_json=json, lasting=False)
    if json:
        out.record(results.LogsFound(found.lines, found.total, found.spans))
        return
    if found.spans:
        out.say(search.shown_spans(found.spans) + "\n")
    elif trace:
        out.say("the trace is not recorded, or not yet (TRACES_SAMPLED in .env sets the sampled share)\n")
    width = max((len(short(line.service)) for line in found.lines), default=0)
    for line in found.lines:
        out.say(search.shown_line(line, width))
    shown = len(found.lines)
    if not shown:
        out.say(
            f"no line matches{'' if trace or since else ' within the last hour (--since 1d searches further back)'}"
        )
    elif found.total > shown:
        out.say(f"\nthe newest {shown} of {found.total} lines (--limit {min(found.total, 10_000)} shows more)")


def _answers(sent: Sent) -> str:
    from rofecare_infra.progress import table

    rows = [(one.receiver, one.answer) for one in sent.deliveries]
    return f"test {sent.id}\n\n" + table(("RECEIVER", "ANSWER"), rows)


def _described(found: Sequence[Alert], runbook: Mapping[str, str]) -> Iterator[str]:
    """The alerts as text: each name once with its section of the runbook; explained alerts last."""
    from datetime import UTC, datetime

    from rofecare_infra.progress import duration

    now = datetime.now(UTC)
    shown: dict[str, list[Alert]] = {}
    for one in found:
        if not one.explained:
            shown.setdefault(one.name, []).append(one)
    for name, alike in shown.items():
        for one in alike:
            yield f"{one.severity}: {one.summary}"
            yield f"  {name}, for {duration((now - datetime.fromisoformat(one.since)).total_seconds())}"
        yield from (f"  | {line}" for line in runbook.get(name, "the runbook has no section for it").splitlines())
        yield ""
    count = sum(len(alike) for alike in shown.values())
    yield f"{count} alerts fire" if count != 1 else "1 alert fires"
    explained = sorted({one.name for one in found if one.explained})
    if explained:
        yield f"explained by these: {', '.join(explained)}"
