"""The Java machines that the applications run in: memory, tidying up, threads."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import SERVICES, Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import Ask, lines

_THE = 'job="applications", service=~"$service"'
_BY = "sum by (service, part)"
_LINKS = [to_logs_of_series()]


def dashboard() -> Dashboard:
    """One line an application, of all or of those that are chosen."""
    return board(
        "rofecare-jvm",
        "JVM",
        "Memory, tidying up and threads of the applications. What climbs for days and never falls is a leak.",
        Section("Memory", 8, _memory()),
        Section("Tidying up", 8, _collections()),
        Section("Threads, processors, files", 8, _rest()),
        choices=[SERVICES],
    )


def _memory() -> list[tuple[int, Panel]]:
    used = lines(
        "Used",
        "Memory of objects that is used, of the most that each application may take.",
        "percentunit",
        Ask(
            f'{_BY} (jvm_memory_used_bytes{{{_THE}, area="heap"}})'
            f' / {_BY} (jvm_memory_max_bytes{{{_THE}, area="heap"}} > 0)',
            "{{part}}",
        ),
        top=1,
        links=_LINKS,
    )
    after = lines(
        "Used after tidying up",
        "The same after a collection: what is really needed.",
        "percentunit",
        Ask(f'max by (service, part) (jvm_memory_usage_after_gc{{{_THE}, area="heap"}})', "{{part}}"),
        top=1,
        links=_LINKS,
    )
    other = lines(
        "Beside the objects",
        "Memory of classes, compiled code and threads: it counts towards the container's limit, too.",
        "bytes",
        Ask(f'{_BY} (jvm_memory_used_bytes{{{_THE}, area="nonheap"}})', "{{part}}"),
        links=_LINKS,
    )
    return [(8, used), (8, after), (8, other)]


def _collections() -> list[tuple[int, Panel]]:
    share = lines(
        "Time lost",
        "The share of its time that an application spends tidying up. Above a fifth it hardly does anything else.",
        "percentunit",
        Ask(f"max by (service, part) (jvm_gc_overhead{{{_THE}}})", "{{part}}"),
        links=_LINKS,
    )
    longest = lines(
        "Longest pause",
        "The longest time within the last minutes for which the application stood still.",
        "s",
        Ask(f"max by (service, part) (jvm_gc_pause_seconds_max{{{_THE}}})", "{{part}}"),
        links=_LINKS,
    )
    made = lines(
        "New objects",
        "Memory that is taken for new objects each second.",
        "Bps",
        Ask(f"{_BY} (rate(jvm_gc_memory_allocated_bytes_total{{{_THE}}}[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    return [(8, share), (8, longest), (8, made)]


def _rest() -> list[tuple[int, Panel]]:
    threads = lines(
        "Threads that wait for each other",
        "Threads that are blocked. More than a few for minutes: something is stuck.",
        "none",
        Ask(f'{_BY} (jvm_threads_states_threads{{{_THE}, state="blocked"}})', "{{part}}"),
        links=_LINKS,
    )
    processor = lines(
        "Processors",
        "The share of the processors that each may use that it does use.",
        "percentunit",
        Ask(f"max by (service, part) (process_cpu_usage{{{_THE}}})", "{{part}}"),
        links=_LINKS,
    )
    files = lines(
        "Open files and connections",
        "The share of the files and connections that each may have open.",
        "percentunit",
        Ask(
            f"max by (service, part) (process_files_open_files{{{_THE}}} / process_files_max_files{{{_THE}}})",
            "{{part}}",
        ),
        links=_LINKS,
    )
    return [(8, threads), (8, processor), (8, files)]
