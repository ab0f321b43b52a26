"""Kafka, its consumers, and ZooKeeper."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of, to_logs_of_series
from rofecare_dev.dashboards.shapes import NONE_WANTED, ONE_WANTED, Limits, Query, lines, number, tiles

_LOGS = [to_logs_of("kafka")]


def dashboard() -> Dashboard:
    """Build the dashboard: messages, consumer lag, health of the broker."""
    return board(
        "rofecare-kafka",
        "Kafka",
        "The services exchange events through Kafka. Kafka depends on ZooKeeper.",
        _now(),
        Section("Messages", 8, _messages()),
        Section("Consumers", 8, _readers()),
        Section("Broker and ZooKeeper", 8, _servers()),
    )


def _now() -> Section:
    answering = tiles(
        "Available",
        "Whether their ports accept connections.",
        Query('probe_success{job="ports"}', "{{service}}"),
        links=_LOGS,
    )
    controller = number(
        "Controllers",
        "Number of active controllers: exactly one is correct.",
        "none",
        Query("sum(kafka_controller_activecontrollercount)"),
        limits=ONE_WANTED,
        links=_LOGS,
    )
    offline = number(
        "Partitions without a leader",
        "Partitions that can be neither read nor written.",
        "none",
        Query("sum(kafka_controller_offlinepartitionscount)"),
        limits=NONE_WANTED,
        links=_LOGS,
    )
    behind = number(
        "Consumer lag",
        "Messages not consumed yet, summed over all consumers.",
        "none",
        Query("sum(kafka_consumergroup_lag)"),
        limits=Limits(100, 1000),
        links=_LOGS,
    )
    return Section("", 4, [(6, one) for one in (answering, controller, offline, behind)])


def _messages() -> list[tuple[int, Panel]]:
    written = lines(
        "Messages in",
        "Messages that services publish per second.",
        "ops",
        Query("sum(rate(kafka_server_messagesin_total[$__rate_interval]))", "messages"),
        links=_LOGS,
    )
    traffic = lines(
        "Throughput",
        "Bytes per second that the broker receives and sends.",
        "Bps",
        Query("sum(rate(kafka_server_bytesin_total[$__rate_interval]))", "in"),
        Query("sum(rate(kafka_server_bytesout_total[$__rate_interval]))", "out"),
        links=_LOGS,
    )
    size = lines(
        "Disk",
        "Disk space that each topic uses.",
        "bytes",
        Query("sum by (topic) (kafka_log_size_bytes)", "{{topic}}"),
        links=_LOGS,
    )
    return [(8, written), (8, traffic), (8, size)]


def _readers() -> list[tuple[int, Panel]]:
    lag = lines(
        "Lag by consumer",
        "Messages not consumed yet, by service and topic. Steady growth indicates a stuck consumer.",
        "none",
        Query(
            "sum by (service, part, topic) (kafka_consumergroup_lag)",
            "{{part}}: {{topic}}",
        ),
        links=[to_logs_of_series()],
    )
    handled = lines(
        "Consumed messages",
        "Messages that each service processes per second.",
        "ops",
        Query(
            'sum by (service, part) (rate(spring_kafka_listener_seconds_count{job="applications"}[$__rate_interval]))',
            "{{part}}",
        ),
        links=[to_logs_of_series()],
    )
    return [(12, lag), (12, handled)]


def _servers() -> list[tuple[int, Panel]]:
    idle = lines(
        "Request handler idle ratio",
        "Share of time that the request handlers are idle. Below 10 percent, the broker is overloaded.",
        "percentunit",
        Query("kafka_server_request_handler_idle_ratio", "idle"),
        top=1,
        links=_LOGS,
    )
    times = lines(
        "Request time (p99)",
        "99 percent of requests of each type are answered faster than this. Fetch requests wait for messages.",
        "s",
        Query("kafka_network_request_seconds_p99", "{{request}}"),
        links=_LOGS,
    )
    refused = lines(
        "Failed requests",
        "Produce and fetch requests per second that failed.",
        "ops",
        Query("sum(rate(kafka_server_failedproducerequests_total[$__rate_interval]))", "produce"),
        Query("sum(rate(kafka_server_failedfetchrequests_total[$__rate_interval]))", "fetch"),
        links=_LOGS,
    )
    zookeeper = lines(
        "ZooKeeper latency",
        "Average time that ZooKeeper takes to answer a request.",
        "ms",
        Query("zookeeper_avgrequestlatency_milliseconds", "average"),
        links=[to_logs_of("zookeeper")],
    )
    return [(6, idle), (6, times), (6, refused), (6, zookeeper)]
