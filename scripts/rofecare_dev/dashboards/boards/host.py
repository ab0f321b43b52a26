"""The machine, and what the containers take of it."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import NONE_WANTED, Ask, Limits, lines, number

_DISK = 'job="host"'
_LINKS = [to_logs_of_series()]


def dashboard() -> Dashboard:
    """Disk, memory, processors and clock; below, who takes most of them."""
    return board(
        "rofecare-host",
        "Host and containers",
        "The machine that everything runs on. The disk is the one that containers and volumes lie on.",
        _now(),
        Section("The machine", 8, _machine()),
        Section("The machine's disk and clock", 7, _disk()),
        Section("Containers", 8, _containers()),
    )


def _now() -> Section:
    disk = number(
        "Disk used",
        "The share of the disk that is taken.",
        "percentunit",
        Ask(f"max(1 - node_filesystem_avail_bytes{{{_DISK}}} / node_filesystem_size_bytes{{{_DISK}}})"),
        limits=Limits(0.8, 0.9),
    )
    left = number(
        "Disk free",
        "What is left of it.",
        "bytes",
        Ask(f"min(node_filesystem_avail_bytes{{{_DISK}}})"),
    )
    memory = number(
        "Memory free",
        "Memory that can still be given to programs.",
        "bytes",
        Ask("node_memory_MemAvailable_bytes"),
    )
    killed = number(
        "Ended for lack of memory",
        "Programs that the machine has ended within a day because memory ran out.",
        "none",
        Ask("round(increase(node_vmstat_oom_kill[1d]))"),
        limits=NONE_WANTED,
    )
    boot = number(
        "Machine started", "When the machine was started.", "dateTimeFromNow", Ask("1000 * node_boot_time_seconds")
    )
    processors = number(
        "Processors", "How many the machine has.", "none", Ask('count(node_cpu_seconds_total{job="host", mode="idle"})')
    )
    return Section("", 4, [(4, one) for one in (disk, left, memory, killed, boot, processors)])


def _machine() -> list[tuple[int, Panel]]:
    processors = lines(
        "Processors",
        "What their time goes into, of all processors together. iowait is time that is spent waiting for the disk.",
        "percentunit",
        Ask(
            'sum by (mode) (rate(node_cpu_seconds_total{job="host", mode!="idle"}[$__rate_interval]))'
            ' / scalar(count(node_cpu_seconds_total{job="host", mode="idle"}))',
            "{{mode}}",
        ),
    )
    load = lines(
        "Load",
        "Programs that want to run, on average over one and fifteen minutes. Above the number of processors: busy.",
        "none",
        Ask("node_load1", "one minute"),
        Ask("node_load15", "fifteen minutes"),
    )
    memory = lines(
        "Memory",
        "What the machine has, and what can still be given to programs.",
        "bytes",
        Ask("node_memory_MemTotal_bytes", "all"),
        Ask("node_memory_MemAvailable_bytes", "free"),
    )
    return [(8, processors), (8, load), (8, memory)]


def _disk() -> list[tuple[int, Panel]]:
    room = lines(
        "Disk",
        "What the disk holds, and what is free of it.",
        "bytes",
        Ask(f"max(node_filesystem_size_bytes{{{_DISK}}})", "all"),
        Ask(f"min(node_filesystem_avail_bytes{{{_DISK}}})", "free"),
    )
    traffic = lines(
        "Traffic of the disks",
        "What is read from and written to all disks each second.",
        "Bps",
        Ask("sum(rate(node_disk_read_bytes_total[$__rate_interval]))", "read"),
        Ask("sum(rate(node_disk_written_bytes_total[$__rate_interval]))", "written"),
    )
    clock = lines(
        "Clock",
        "How far the clock of the machine is off, as the program says that sets it.",
        "s",
        Ask("abs(node_timex_offset_seconds)", "off by"),
    )
    return [(8, room), (8, traffic), (8, clock)]


def _containers() -> list[tuple[int, Panel]]:
    memory = lines(
        "Memory of the applications",
        "What each application has taken for objects, classes and code. inv status shows whole containers.",
        "bytes",
        Ask('sum by (service, part) (jvm_memory_committed_bytes{job="applications"})', "{{part}}"),
        links=_LINKS,
    )
    processors = lines(
        "Processors of the applications",
        "Processors that each application keeps busy.",
        "none",
        Ask(
            'sum by (service, part) (process_cpu_usage{job="applications"} * system_cpu_count{job="applications"})',
            "{{part}}",
        ),
        links=_LINKS,
    )
    others = lines(
        "Memory of the others",
        "What those take who tell it of themselves: Redis, Kafka, Zookeeper and what watches.",
        "bytes",
        Ask('sum by (service) (process_resident_memory_bytes{job!="redis"})', "{{service}}"),
        Ask("redis_memory_used_rss_bytes", "redis"),
        links=_LINKS,
    )
    return [(8, memory), (8, processors), (8, others)]
