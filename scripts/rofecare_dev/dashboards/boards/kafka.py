"""Kafka and Zookeeper, and those who read from Kafka."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from rofecare_dev.dashboards.board import Section, board, to_logs_of, to_logs_of_series
from rofecare_dev.dashboards.shapes import NONE_WANTED, ONE_WANTED, Ask, Limits, lines, number, tiles

_LOGS = [to_logs_of("kafka")]


def dashboard() -> Dashboard:
    """What goes through the broker, who is behind, and how the broker itself is."""
    return board(
        "rofecare-kafka",
        "Kafka",
        "Services tell each other what happened through Kafka. Zookeeper is what Kafka itself leans on.",
        _now(),
        Section("Messages", 8, _messages()),
        Section("Readers", 8, _readers()),
        Section("Broker and Zookeeper", 8, _servers()),
    )


def _now() -> Section:
    answering = tiles(
        "Answering", "Whether their ports answer.", Ask('probe_success{job="ports"}', "{{service}}"), links=_LOGS
    )
    controller = number(
        "Controllers",
        "One broker has to lead: one is right, none is not.",
        "none",
        Ask("sum(kafka_controller_activecontrollercount)"),
        limits=ONE_WANTED,
        links=_LOGS,
    )
    offline = number(
        "Partitions without a leader",
        "Parts of topics that cannot be read or written.",
        "none",
        Ask("sum(kafka_controller_offlinepartitionscount)"),
        limits=NONE_WANTED,
        links=_LOGS,
    )
    behind = number(
        "Messages that wait",
        "Messages that were written and not worked on yet, of all readers together.",
        "none",
        Ask("sum(kafka_consumergroup_lag)"),
        limits=Limits(100, 1000),
        links=_LOGS,
    )
    return Section("", 4, [(6, one) for one in (answering, controller, offline, behind)])


def _messages() -> list[tuple[int, Panel]]:
    written = lines(
        "Written",
        "Messages that services write each second.",
        "ops",
        Ask("sum(rate(kafka_server_messagesin_total[$__rate_interval]))", "messages"),
        links=_LOGS,
    )
    traffic = lines(
        "Traffic",
        "What comes in and goes out each second.",
        "Bps",
        Ask("sum(rate(kafka_server_bytesin_total[$__rate_interval]))", "in"),
        Ask("sum(rate(kafka_server_bytesout_total[$__rate_interval]))", "out"),
        links=_LOGS,
    )
    size = lines(
        "Disk",
        "The disk that each topic takes.",
        "bytes",
        Ask("sum by (topic) (kafka_log_size_bytes)", "{{topic}}"),
        links=_LOGS,
    )
    return [(8, written), (8, traffic), (8, size)]


def _readers() -> list[tuple[int, Panel]]:
    lag = lines(
        "Who is behind",
        "Messages that wait for each service, by topic. What climbs and never falls is a reader that hangs.",
        "none",
        Ask(
            "sum by (service, part, topic) (kafka_consumergroup_lag)",
            "{{part}}: {{topic}}",
        ),
        links=[to_logs_of_series()],
    )
    handled = lines(
        "Handled",
        "Messages that each service handles each second.",
        "ops",
        Ask(
            'sum by (service, part) (rate(spring_kafka_listener_seconds_count{job="applications"}[$__rate_interval]))',
            "{{part}}",
        ),
        links=[to_logs_of_series()],
    )
    return [(12, lag), (12, handled)]


def _servers() -> list[tuple[int, Panel]]:
    idle = lines(
        "Idle share of the broker",
        "How much of their time those who answer requests have nothing to do. Below a tenth: it is at its limit.",
        "percentunit",
        Ask("kafka_server_request_handler_idle_ratio", "idle"),
        top=1,
        links=_LOGS,
    )
    times = lines(
        "How long it takes",
        "Ninety-nine of a hundred requests of each kind are answered faster than this. Reading waits for news.",
        "s",
        Ask("kafka_network_request_seconds_p99", "{{request}}"),
        links=_LOGS,
    )
    refused = lines(
        "Refused",
        "Requests to write and to read that the broker refuses each second.",
        "ops",
        Ask("sum(rate(kafka_server_failedproducerequests_total[$__rate_interval]))", "to write"),
        Ask("sum(rate(kafka_server_failedfetchrequests_total[$__rate_interval]))", "to read"),
        links=_LOGS,
    )
    zookeeper = lines(
        "Zookeeper",
        "How long it takes to answer, on average.",
        "ms",
        Ask("zookeeper_avgrequestlatency_milliseconds", "answers"),
        links=[to_logs_of("zookeeper")],
    )
    return [(6, idle), (6, times), (6, refused), (6, zookeeper)]
