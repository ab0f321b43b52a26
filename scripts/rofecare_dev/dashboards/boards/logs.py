"""Log lines and traces of one service or of all."""

from __future__ import annotations

from grafana_foundation_sdk.builders import common, elasticsearch, table, timeseries
from grafana_foundation_sdk.builders import logs as log_lines
from grafana_foundation_sdk.models.common import FieldTextAlignment, LogsSortOrder, StackingMode
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardLink,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Panel,
)
from grafana_foundation_sdk.models.elasticsearch import TermsOrder

from rofecare_dev.dashboards.board import LOGS_UID, Section, Variable, board
from rofecare_dev.dashboards.shapes import NONE_WANTED, Query, lines, number

LINES = DataSourceRef(type_val="elasticsearch", uid="elasticsearch")
SPANS = DataSourceRef(type_val="elasticsearch", uid="spans")

_SELECTED = "compose.service:$service"
_VARIABLE = Variable(
    "service",
    "Service",
    '{"find": "terms", "field": "compose.service", "size": 100}',
    every=True,
    source=LINES,
    all_value="*",
)
# Opens the trace of the selected span.
_TRACE = (
    "/explore?schemaVersion=1&panes=%7B%22a%22:%7B%22datasource%22:%22zipkin%22,%22queries%22:%5B%7B%22refId%22:%22A%22,"
    "%22datasource%22:%7B%22type%22:%22zipkin%22,%22uid%22:%22zipkin%22%7D,%22query%22:%22${__data.fields.traceId}%22%7D%5D,%22range%22:%7B%22from%22:%22now-7d%22,%22to%22:%22now%22%7D%7D%7D"
)
# The fields of a span that the table shows -> their column headings.
_COLUMNS = {
    "timestamp_millis": "Time",
    "localEndpoint.serviceName": "Service",
    "name": "Operation",
    "duration": "Duration",
    "traceId": "Trace",
}


def dashboard() -> Dashboard:
    """Build the dashboard that the panels of all other dashboards link to."""
    return board(
        LOGS_UID,
        "Logs and traces",
        "Log lines of a service, and the requests that it took part in. The trace ID in a line opens its trace.",
        Section("", 7, _counts()),
        Section("", 12, [(24, _written())]),
        Section("Traces", 10, [(24, _traces())]),
        Section("Log store", 7, _store()),
        variables=[_VARIABLE],
    )


def _counts() -> list[tuple[int, Panel]]:
    return [
        (12, _counted("Lines", "Number of log lines by service.", _SELECTED, "compose.service")),
        (
            12,
            _counted(
                "Warnings and errors",
                "Number of warnings and errors by level.",
                f"{_SELECTED} AND log.level:(WARN OR ERROR)",
                "log.level",
            ),
        ),
    ]


def _counted(title: str, description: str, query: str, field: str) -> Panel:
    kinds = (
        elasticsearch.Terms()
        .id("2")
        .field(field)
        .settings(elasticsearch.ElasticsearchTermsSettings().order(TermsOrder.DESC).size("10").order_by("_count"))
    )
    moments = (
        elasticsearch.DateHistogram()
        .id("3")
        .field("@timestamp")
        .settings(elasticsearch.ElasticsearchDateHistogramSettings().interval("auto").min_doc_count("0"))
    )
    return (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit("none")
        .min(0)
        .datasource(LINES)
        .fill_opacity(60)
        .line_width(0)
        .stacking(common.StackingConfig().mode(StackingMode.NORMAL))
        .with_target(
            elasticsearch.Dataquery()
            .datasource(LINES)
            .ref_id("A")
            .query(query)
            .time_field("@timestamp")
            .metrics([elasticsearch.Count().id("1")])
            .bucket_aggs([kinds, moments])
        )
        .build()
    )


def _written() -> Panel:
    return (
        log_lines.Panel()
        .title("Lines")
        .description("Log lines, newest first. Click a line to see its fields and a link to its trace.")
        .unit("none")
        .datasource(LINES)
        .show_time(show_time=True)
        .wrap_log_message(wrap_log_message=True)
        .enable_log_details(enable_log_details=True)
        .sort_order(LogsSortOrder.DESCENDING)
        .with_target(
            elasticsearch.Dataquery()
            .datasource(LINES)
            .ref_id("A")
            .query(_SELECTED)
            .time_field("@timestamp")
            .metrics([elasticsearch.Logs().id("1").settings(elasticsearch.ElasticsearchLogsSettings().limit("500"))])
        )
        .build()
    )


def _traces() -> Panel:
    """Spans of the selected service; the trace store keeps them in the same Elasticsearch as the log lines."""
    columns = {"indexByName": {name: place for place, name in enumerate(_COLUMNS)}, "renameByName": _COLUMNS}
    panel = (
        table.Panel()
        .title("Traced requests")
        .description("Requests to the service whose trace was recorded. Click one to open its trace.")
        .unit("none")
        .align(FieldTextAlignment.AUTO)
        .datasource(SPANS)
        .no_value("no trace was recorded in this period; TRACES_SAMPLED sets the share of requests that are")
        .with_target(
            elasticsearch.Dataquery()
            .datasource(SPANS)
            .ref_id("A")
            .query("localEndpoint.serviceName:$service AND kind:SERVER")
            .time_field("timestamp_millis")
            .metrics(
                [elasticsearch.RawData().id("1").settings(elasticsearch.ElasticsearchRawDataSettings().size("200"))]
            )
        )
        .with_transformation(
            DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": [*_COLUMNS]}})
        )
        .with_transformation(DataTransformerConfig(id_val="organize", options=columns))
        .override_by_name("Duration", [DynamicConfigValue("unit", "µs")])
        .build()
    )
    if panel.field_config is not None:
        panel.field_config.defaults.links = [DashboardLink(title="Trace", url=_TRACE)]
    return panel


def _store() -> list[tuple[int, Panel]]:
    state = number(
        "Store unhealthy",
        "Whether the cluster status is red: some log lines cannot be read.",
        "none",
        Query('max(elasticsearch_cluster_health_status{color="red"})'),
        limits=NONE_WANTED,
    )
    documents = lines(
        "Stored lines",
        "Number of log lines and spans in the store.",
        "none",
        Query("sum(elasticsearch_indices_docs_primary)", "all"),
    )
    size = lines(
        "Disk",
        "Disk space that the store uses.",
        "bytes",
        Query("sum(elasticsearch_indices_store_size_bytes_primary)", "all"),
    )
    return [(6, state), (9, documents), (9, size)]
