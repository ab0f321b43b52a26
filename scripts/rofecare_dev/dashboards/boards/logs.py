"""Log lines and traces of one service or of all, of the same time."""

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

from rofecare_dev.dashboards.board import LOGS_UID, Choice, Section, board
from rofecare_dev.dashboards.shapes import NONE_WANTED, Ask, lines, number

LINES = DataSourceRef(type_val="elasticsearch", uid="elasticsearch")
SPANS = DataSourceRef(type_val="elasticsearch", uid="spans")

_CHOSEN = "compose.service:$service"
_CHOICE = Choice(
    "service",
    "Service",
    '{"find": "terms", "field": "compose.service", "size": 100}',
    every=True,
    source=LINES,
    all_value="*",
)
# Opens a trace; the span that was clicked on says which.
_TRACE = (
    "/explore?schemaVersion=1&panes=%7B%22a%22:%7B%22datasource%22:%22zipkin%22,%22queries%22:%5B%7B%22refId%22:%22A%22,"
    "%22datasource%22:%7B%22type%22:%22zipkin%22,%22uid%22:%22zipkin%22%7D,%22query%22:%22${__data.fields.traceId}%22%7D%5D,%22range%22:%7B%22from%22:%22now-7d%22,%22to%22:%22now%22%7D%7D%7D"
)
# The fields of a span that are worth reading, under the names that they get.
_COLUMNS = {
    "timestamp_millis": "When",
    "localEndpoint.serviceName": "Service",
    "name": "What",
    "duration": "How long",
    "traceId": "Trace",
}


def dashboard() -> Dashboard:
    """Where every panel of the other dashboards leads to."""
    return board(
        LOGS_UID,
        "Logs and traces",
        "What a service wrote, and the requests that it took part in. The identifier in a line opens its trace.",
        Section("", 7, _counts()),
        Section("", 12, [(24, _written())]),
        Section("Traces", 10, [(24, _traces())]),
        Section("The store of the lines", 7, _store()),
        choices=[_CHOICE],
    )


def _counts() -> list[tuple[int, Panel]]:
    return [
        (12, _counted("Lines", "How many lines were written, by service.", _CHOSEN, "compose.service")),
        (
            12,
            _counted(
                "Warnings and errors",
                "How many warnings and errors were written, by level.",
                f"{_CHOSEN} AND log.level:(WARN OR ERROR)",
                "log.level",
            ),
        ),
    ]


def _counted(title: str, says: str, query: str, field: str) -> Panel:
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
        .description(says)
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
        .description(
            "What was written, the newest first. A click on a line shows its fields, and the way to its trace."
        )
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
            .query(_CHOSEN)
            .time_field("@timestamp")
            .metrics([elasticsearch.Logs().id("1").settings(elasticsearch.ElasticsearchLogsSettings().limit("500"))])
        )
        .build()
    )


def _traces() -> Panel:
    """Spans of the chosen service: the store of the traces keeps them beside the lines."""
    columns = {"indexByName": {name: place for place, name in enumerate(_COLUMNS)}, "renameByName": _COLUMNS}
    panel = (
        table.Panel()
        .title("Requests that were traced")
        .description("Requests that the service answered and whose trace was recorded. A click on one opens its trace.")
        .unit("none")
        .align(FieldTextAlignment.AUTO)
        .datasource(SPANS)
        .no_value("none was recorded in this time: TRACES_SAMPLED says how many are")
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
        .override_by_name("How long", [DynamicConfigValue("unit", "µs")])
        .build()
    )
    if panel.field_config is not None:
        panel.field_config.defaults.links = [DashboardLink(title="Its trace", url=_TRACE)]
    return panel


def _store() -> list[tuple[int, Panel]]:
    state = number(
        "Store in danger",
        "Whether part of the lines cannot be read: its state is red.",
        "none",
        Ask('max(elasticsearch_cluster_health_status{color="red"})'),
        limits=NONE_WANTED,
    )
    documents = lines(
        "Lines kept",
        "How many lines and spans the store keeps.",
        "none",
        Ask("sum(elasticsearch_indices_docs_primary)", "all"),
    )
    size = lines(
        "Disk",
        "What they take of the disk.",
        "bytes",
        Ask("sum(elasticsearch_indices_store_size_bytes_primary)", "all"),
    )
    return [(6, state), (9, documents), (9, size)]
