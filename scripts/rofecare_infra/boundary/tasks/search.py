"""The task that looks into what the monitoring has collected."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from rofecare_infra.boundary.checkout import root_of
from rofecare_infra.boundary.guard import guarded


@task(
    iterable=["text", "service"],
    help={
        "text": "words that stand in the line in this order; the last may be a beginning",
        "service": "full or short name; once for each service",
        "since": "30s, 10m, 2h, 1d, or a moment; without it 1h, with --trace all that is kept",
        "trace": "the X-Trace-Id of an answer: its spans, and the lines of all services",
        "level": "ERROR, WARN, INFO: lines of this level alone",
        "limit": "how many lines to show, the newest",
        "json": "one JSON document, for programs",
    },
)
def search_logs(  # noqa: PLR0917 - each is a flag of the command line
    context: Context,
    text: list[str],
    service: list[str],
    since: str = "",
    trace: str = "",
    level: str = "",
    limit: int = 100,
    json: bool = False,
) -> None:
    """Find lines in the central logs of all services, and a trace with its spans."""
    from rofecare_infra.boundary import search_commands

    with guarded(root_of(context)):
        search_commands.search_logs(
            root_of(context), " ".join(text), service, since=since, trace=trace, level=level, limit=limit, as_json=json
        )
