"""The types of panels, so that similar panels look alike on every dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    FieldTextAlignment,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLink,
    DataSourceRef,
    DataTransformerConfig,
    Panel,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

METRICS = DataSourceRef(type_val="prometheus", uid="prometheus")

_REF_IDS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class Query:
    """One query; `legend` names its series and may refer to {{labels}}."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Limits:
    """Thresholds for a warning and for a critical value; with `warning` above `critical`, low values are bad."""

    warning: float
    critical: float

    def steps(self) -> list[Threshold]:
        """The colours from the lowest value up."""
        if self.warning <= self.critical:
            return [Threshold(None, "green"), Threshold(self.warning, "orange"), Threshold(self.critical, "red")]
        return [Threshold(None, "red"), Threshold(self.critical, "orange"), Threshold(self.warning, "green")]


# For counts that must be zero, and for counts that must be at least one.
NONE_WANTED = Limits(1, 1)
ONE_WANTED = Limits(1, 0.5)
UP = {"0": ("down", "red"), "1": ("up", "green")}


def lines(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    top: float | None = None,
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """A time series panel, with a line for each series."""
    made = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .datasource(METRICS)
        .fill_opacity(8)
        .line_width(1)
        .legend(common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
    )
    if top is not None:
        made = made.max(top)
    for letter, query in zip(_REF_IDS, queries, strict=False):
        made = made.with_target(_target(query, letter))
    return _linked(made.build(), links)


def number(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    limits: Limits | None = None,
    empty: str = "none",
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """A stat panel: the current value of each series."""
    made = (
        stat.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .datasource(METRICS)
        .no_value(empty)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(limits))
    )
    for letter, query in zip(_REF_IDS, queries, strict=False):
        made = made.with_target(_target(query, letter).instant())
    return _linked(made.build(), links)


def tiles(
    title: str,
    description: str,
    *queries: Query,
    states: Mapping[str, tuple[str, str]] = UP,
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """A stat panel with a coloured tile for the state of each series."""
    mapping: list[ValueMapping] = [
        ValueMap(
            options={
                value: ValueMappingResult(text=text, color=colour, index=index)
                for index, (value, (text, colour)) in enumerate(states.items())
            }
        )
    ]
    made = (
        stat.Panel()
        .title(title)
        .description(description)
        .unit("none")
        .datasource(METRICS)
        .no_value("no data")
        .mappings(mapping)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.BACKGROUND)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(None))
    )
    for letter, query in zip(_REF_IDS, queries, strict=False):
        made = made.with_target(_target(query, letter).instant())
    return _linked(made.build(), links)


def bars(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    limits: Limits | None = None,
    top: float | None = None,
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """A bar gauge panel: the current values of several series side by side."""
    made = (
        bargauge.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .min(0)
        .datasource(METRICS)
        .no_value("none")
        .display_mode(BarGaugeDisplayMode.BASIC)
        .orientation(VizOrientation.HORIZONTAL)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(limits))
    )
    if top is not None:
        made = made.max(top)
    for letter, query in zip(_REF_IDS, queries, strict=False):
        made = made.with_target(_target(query, letter).instant())
    return _linked(made.build(), links)


def rows(
    title: str,
    description: str,
    unit: str,
    query: Query,
    columns: Mapping[str, str],
    *,
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """A table; `columns` maps the labels to show, in order, to their headings. `Value` shows the number itself."""
    order = {name: index for index, name in enumerate(columns)}
    hidden = {name: True for name in ("Time", "Value") if name not in columns}
    made = (
        table.Panel()
        .title(title)
        .description(description)
        .unit(unit)
        .align(FieldTextAlignment.AUTO)
        .datasource(METRICS)
        .no_value("none")
        .with_target(_target(query, "A").instant().format(PromQueryFormat.TABLE))
        .with_transformation(
            DataTransformerConfig(
                id_val="organize",
                options={"excludeByName": hidden, "indexByName": order, "renameByName": dict(columns)},
            )
        )
    )
    return _linked(made.build(), links)


def _target(query: Query, letter: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().datasource(METRICS).expr(query.expr).ref_id(letter)
    return target.legend_format(query.legend) if query.legend else target


def _thresholds(limits: Limits | None) -> builders.ThresholdsConfig:
    steps = limits.steps() if limits is not None else [Threshold(None, "text")]
    return builders.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _linked(panel: Panel, links: Sequence[DashboardLink]) -> Panel:
    """Attach links: those that refer to the clicked series to its values, all others to the panel."""
    panel.links = [link for link in links if "${__field." not in (link.url or "")]
    of_values = [link for link in links if link not in panel.links]
    if of_values and panel.field_config is not None:
        panel.field_config.defaults.links = [*of_values]
    return panel
