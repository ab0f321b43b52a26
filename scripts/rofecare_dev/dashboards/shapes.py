"""The shapes that panels have, so that the same thing looks the same on every dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as drawn
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
class Ask:
    """One query; `legend` names its series, with {{labels}} filled in."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Limits:
    """From which value on something is worth a look, and from which it is bad; below it, where `look` is higher."""

    look: float
    bad: float

    def steps(self) -> list[Threshold]:
        """The colours, from the lowest value up."""
        if self.look <= self.bad:
            return [Threshold(None, "green"), Threshold(self.look, "orange"), Threshold(self.bad, "red")]
        return [Threshold(None, "red"), Threshold(self.bad, "orange"), Threshold(self.look, "green")]


# Of something that should not be there at all; of something that must be there.
NONE_WANTED = Limits(1, 1)
ONE_WANTED = Limits(1, 0.5)
UP = {"0": ("down", "red"), "1": ("up", "green")}


def lines(
    title: str, says: str, unit: str, *asks: Ask, top: float | None = None, links: Sequence[DashboardLink] = ()
) -> Panel:
    """How something went over time, a line for each series."""
    made = (
        timeseries.Panel()
        .title(title)
        .description(says)
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
    for letter, ask in zip(_REF_IDS, asks, strict=False):
        made = made.with_target(_asked(ask, letter))
    return _linked(made.build(), links)


def number(
    title: str,
    says: str,
    unit: str,
    *asks: Ask,
    limits: Limits | None = None,
    empty: str = "none",
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """One number now, large; more series are more numbers."""
    made = (
        stat.Panel()
        .title(title)
        .description(says)
        .unit(unit)
        .datasource(METRICS)
        .no_value(empty)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(limits))
    )
    for letter, ask in zip(_REF_IDS, asks, strict=False):
        made = made.with_target(_asked(ask, letter).instant())
    return _linked(made.build(), links)


def tiles(
    title: str,
    says: str,
    *asks: Ask,
    states: Mapping[str, tuple[str, str]] = UP,
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """A coloured field for each of many things: which state it is in."""
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
        .description(says)
        .unit("none")
        .datasource(METRICS)
        .no_value("nobody tells")
        .mappings(mapping)
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.BACKGROUND)
        .text_mode(BigValueTextMode.VALUE_AND_NAME)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .thresholds(_thresholds(None))
    )
    for letter, ask in zip(_REF_IDS, asks, strict=False):
        made = made.with_target(_asked(ask, letter).instant())
    return _linked(made.build(), links)


def bars(
    title: str,
    says: str,
    unit: str,
    *asks: Ask,
    limits: Limits | None = None,
    top: float | None = None,
    links: Sequence[DashboardLink] = (),
) -> Panel:
    """How full several things are now, side by side."""
    made = (
        bargauge.Panel()
        .title(title)
        .description(says)
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
    for letter, ask in zip(_REF_IDS, asks, strict=False):
        made = made.with_target(_asked(ask, letter).instant())
    return _linked(made.build(), links)


def rows(
    title: str, says: str, unit: str, ask: Ask, columns: Mapping[str, str], *, links: Sequence[DashboardLink] = ()
) -> Panel:
    """A table; `columns` are the labels that are shown, in order, under the names that they get there.

    `Value` is one of them where the number itself says something.
    """
    order = {name: index for index, name in enumerate(columns)}
    hidden = {name: True for name in ("Time", "Value") if name not in columns}
    made = (
        table.Panel()
        .title(title)
        .description(says)
        .unit(unit)
        .align(FieldTextAlignment.AUTO)
        .datasource(METRICS)
        .no_value("none")
        .with_target(_asked(ask, "A").instant().format(PromQueryFormat.TABLE))
        .with_transformation(
            DataTransformerConfig(
                id_val="organize",
                options={"excludeByName": hidden, "indexByName": order, "renameByName": dict(columns)},
            )
        )
    )
    return _linked(made.build(), links)


def _asked(ask: Ask, letter: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().datasource(METRICS).expr(ask.expr).ref_id(letter)
    return query.legend_format(ask.legend) if ask.legend else query


def _thresholds(limits: Limits | None) -> drawn.ThresholdsConfig:
    steps = limits.steps() if limits is not None else [Threshold(None, "text")]
    return drawn.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _linked(panel: Panel, links: Sequence[DashboardLink]) -> Panel:
    """What knows the series that was clicked on belongs to its values; the rest to the panel."""
    panel.links = [link for link in links if "${__field." not in (link.url or "")]
    of_values = [link for link in links if link not in panel.links]
    if of_values and panel.field_config is not None:
        panel.field_config.defaults.links = [*of_values]
    return panel
