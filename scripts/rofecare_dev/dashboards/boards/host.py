"""The host, and the resources that the containers use."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of_series
from rofecare_dev.dashboards.shapes import NONE_WANTED, Limits, Query, lines, number

_DISK = 'job="host"'
_LINKS = [to_logs_of_series()]


def dashboard() -> Dashboard:
    """Build the dashboard: disk, memory, CPU and clock of the host, then the usage of the containers."""
    return board(
        "rofecare-host",
        "Host and containers",
        "The host that runs the platform. The disk is the one that holds containers and volumes.",
        _now(),
        Section("CPU and memory", 8, _machine()),
        Section("Disk and clock", 7, _disk()),
        Section("Containers", 8, _containers()),
    )


def _now() -> Section:
    disk = number(
        "Disk used",
        "Share of the disk in use.",
        "percentunit",
        Query(f"max(1 - node_filesystem_avail_bytes{{{_DISK}}} / node_filesystem_size_bytes{{{_DISK}}})"),
        limits=Limits(0.8, 0.9),
    )
    left = number(
        "Disk free",
        "Free space on the disk.",
        "bytes",
        Query(f"min(node_filesystem_avail_bytes{{{_DISK}}})"),
    )
    memory = number(
        "Memory available",
        "Memory available to new processes.",
        "bytes",
        Query("node_memory_MemAvailable_bytes"),
    )
    killed = number(
        "OOM kills",
        "Processes that the kernel killed in the last day because memory ran out.",
        "none",
        Query("round(increase(node_vmstat_oom_kill[1d]))"),
        limits=NONE_WANTED,
    )
    boot = number(
        "Host started", "When the host was booted.", "dateTimeFromNow", Query("1000 * node_boot_time_seconds")
    )
    processors = number(
        "CPUs", "Number of CPUs of the host.", "none", Query('count(node_cpu_seconds_total{job="host", mode="idle"})')
    )
    return Section("", 4, [(4, one) for one in (disk, left, memory, killed, boot, processors)])


def _machine() -> list[tuple[int, Panel]]:
    processors = lines(
        "CPU",
        "CPU time by mode, as a share of all CPUs. iowait is time spent waiting for the disk.",
        "percentunit",
        Query(
            'sum by (mode) (rate(node_cpu_seconds_total{job="host", mode!="idle"}[$__rate_interval]))'
            ' / scalar(count(node_cpu_seconds_total{job="host", mode="idle"}))',
            "{{mode}}",
        ),
    )
    load = lines(
        "Load",
        "Load average over 1 and 15 minutes. Above the number of CPUs, processes wait for a CPU.",
        "none",
        Query("node_load1", "1 minute"),
        Query("node_load15", "15 minutes"),
    )
    memory = lines(
        "Memory",
        "Total memory, and memory available to new processes.",
        "bytes",
        Query("node_memory_MemTotal_bytes", "total"),
        Query("node_memory_MemAvailable_bytes", "available"),
    )
    return [(8, processors), (8, load), (8, memory)]


def _disk() -> list[tuple[int, Panel]]:
    room = lines(
        "Disk",
        "Size of the disk, and free space.",
        "bytes",
        Query(f"max(node_filesystem_size_bytes{{{_DISK}}})", "total"),
        Query(f"min(node_filesystem_avail_bytes{{{_DISK}}})", "free"),
    )
    traffic = lines(
        "Disk throughput",
        "Bytes per second read from and written to all disks.",
        "Bps",
        Query("sum(rate(node_disk_read_bytes_total[$__rate_interval]))", "read"),
        Query("sum(rate(node_disk_written_bytes_total[$__rate_interval]))", "written"),
    )
    clock = lines(
        "Clock offset",
        "Offset of the system clock, as reported by the kernel.",
        "s",
        Query("abs(node_timex_offset_seconds)", "offset"),
    )
    return [(8, room), (8, traffic), (8, clock)]


def _containers() -> list[tuple[int, Panel]]:
    memory = lines(
        "Memory of the applications",
        "Memory committed by the JVM of each application. inv status shows whole containers.",
        "bytes",
        Query('sum by (service, part) (jvm_memory_committed_bytes{job="applications"})', "{{part}}"),
        links=_LINKS,
    )
    processors = lines(
        "CPU of the applications",
        "Number of CPUs that each application keeps busy.",
        "none",
        Query(
            'sum by (service, part) (process_cpu_usage{job="applications"} * system_cpu_count{job="applications"})',
            "{{part}}",
        ),
        links=_LINKS,
    )
    others = lines(
        "Memory of other services",
        "Resident memory of Redis, Kafka, ZooKeeper and the monitoring, where they export it.",
        "bytes",
        Query('sum by (service) (process_resident_memory_bytes{job!="redis"})', "{{service}}"),
        Query("redis_memory_used_rss_bytes", "redis"),
        links=_LINKS,
    )
    return [(8, memory), (8, processors), (8, others)]
