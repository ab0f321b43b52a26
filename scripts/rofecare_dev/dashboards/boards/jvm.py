"""The JVMs of the applications: memory, garbage collection, threads."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import SERVICES, Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import Query, lines

_THE = 'job="applications", service=~"$service"'
_BY = "sum by (service, part)"
_LINKS = [to_logs_of_series()]


def dashboard() -> Dashboard:
    """Build the dashboard: one line per application, for all or for the selected ones."""
    return board(
        "rofecare-jvm",
        "JVM",
        "Memory, garbage collection and threads of the applications. Growth over days indicates a leak.",
        Section("Memory", 8, _memory()),
        Section("Garbage collection", 8, _collections()),
        Section("Threads, CPU, files", 8, _rest()),
        variables=[SERVICES],
    )


def _memory() -> list[tuple[int, Panel]]:
    used = lines(
        "Heap used",
        "Heap in use as a share of its limit.",
        "percentunit",
        Query(
            f'{_BY} (jvm_memory_used_bytes{{{_THE}, area="heap"}})'
            f' / {_BY} (jvm_memory_max_bytes{{{_THE}, area="heap"}} > 0)',
            "{{part}}",
        ),
        top=1,
        links=_LINKS,
    )
    after = lines(
        "Heap used after collection",
        "Share of the heap still in use after a garbage collection.",
        "percentunit",
        Query(f'max by (service, part) (jvm_memory_usage_after_gc{{{_THE}, area="heap"}})', "{{part}}"),
        top=1,
        links=_LINKS,
    )
    other = lines(
        "Non-heap memory",
        "Memory of classes and compiled code, which also counts towards the limit of the container.",
        "bytes",
        Query(f'{_BY} (jvm_memory_used_bytes{{{_THE}, area="nonheap"}})', "{{part}}"),
        links=_LINKS,
    )
    return [(8, used), (8, after), (8, other)]


def _collections() -> list[tuple[int, Panel]]:
    share = lines(
        "Time in garbage collection",
        "Share of time spent in garbage collection. Above 20 percent, the application is short of memory.",
        "percentunit",
        Query(f"max by (service, part) (jvm_gc_overhead{{{_THE}}})", "{{part}}"),
        links=_LINKS,
    )
    longest = lines(
        "Longest pause",
        "Longest garbage collection pause of the last minutes.",
        "s",
        Query(f"max by (service, part) (jvm_gc_pause_seconds_max{{{_THE}}})", "{{part}}"),
        links=_LINKS,
    )
    made = lines(
        "Allocation rate",
        "Memory allocated for new objects per second.",
        "Bps",
        Query(f"{_BY} (rate(jvm_gc_memory_allocated_bytes_total{{{_THE}}}[$__rate_interval]))", "{{part}}"),
        links=_LINKS,
    )
    return [(8, share), (8, longest), (8, made)]


def _rest() -> list[tuple[int, Panel]]:
    threads = lines(
        "Blocked threads",
        "Threads waiting for a lock. More than a few for minutes indicate a deadlock or contention.",
        "none",
        Query(f'{_BY} (jvm_threads_states_threads{{{_THE}, state="blocked"}})', "{{part}}"),
        links=_LINKS,
    )
    processor = lines(
        "CPU",
        "Share of the available CPU that each application uses.",
        "percentunit",
        Query(f"max by (service, part) (process_cpu_usage{{{_THE}}})", "{{part}}"),
        links=_LINKS,
    )
    files = lines(
        "Open files and connections",
        "Open files and connections as a share of the limit.",
        "percentunit",
        Query(
            f"max by (service, part) (process_files_open_files{{{_THE}}} / process_files_max_files{{{_THE}}})",
            "{{part}}",
        ),
        links=_LINKS,
    )
    return [(8, threads), (8, processor), (8, files)]
