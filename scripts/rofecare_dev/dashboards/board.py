"""A dashboard: sections of panels placed in 24 columns, variables, and links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    GridPos,
    Panel,
    RowPanel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from rofecare_dev.dashboards.shapes import METRICS

COLUMNS = 24
_TAG = "rofecare"
LOGS_UID = "rofecare-logs"


@dataclass(frozen=True)
class Section:
    """Panels of equal height below a heading, each with its width; an empty heading is left out."""

    heading: str
    height: int
    panels: Sequence[tuple[int, Panel]]


@dataclass(frozen=True)
class Variable:
    """A variable that the user selects: the values of a query. `every` allows several values and all of them."""

    name: str
    label: str
    query: str
    pattern: str = ""
    every: bool = False
    hidden: bool = False
    source: DataSourceRef = METRICS
    # The value that a query gets when all are selected.
    all_value: str = ""


# The services, by their names in compose and in the logs.
SERVICES = Variable("service", "Service", 'label_values(probe_success{job="readiness"}, service)', every=True)


def board(uid: str, title: str, description: str, *sections: Section, variables: Sequence[Variable] = ()) -> Dashboard:
    """Build a dashboard and number and place its panels."""
    made = (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([_TAG])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink("Other dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([_TAG])
            .as_dropdown(as_dropdown=True)
            .keep_time(keep_time=True)
        )
    )
    for variable in variables:
        made = made.with_variable(_variable(variable))
    built = made.build()
    built.panels = list(_placed(sections))
    return built


def to_logs() -> DashboardLink:
    """Link to the log lines and traces of the selected service in the same period."""
    return _link("Logs and traces", f"/d/{LOGS_UID}?${{service:queryparam}}&${{__url_time_range}}")


def to_logs_of_series() -> DashboardLink:
    """Link to the logs and traces of the service whose series is clicked."""
    label = "${__field.labels.service}"
    return _link(f"Logs and traces of {label}", f"/d/{LOGS_UID}?var-service={label}&${{__url_time_range}}")


def to_logs_of(service: str) -> DashboardLink:
    """Link to the logs and traces of a named service."""
    return _link(f"Logs of {service}", f"/d/{LOGS_UID}?var-service={service}&${{__url_time_range}}")


def to_board(uid: str, title: str) -> DashboardLink:
    """Link to another dashboard in the same period."""
    return _link(title, f"/d/{uid}?${{__url_time_range}}")


def _link(title: str, url: str) -> DashboardLink:
    return builders.DashboardLink(title).type(DashboardLinkType.LINK).url(url).build()


def _placed(sections: Sequence[Section]) -> Iterator[Panel | RowPanel]:
    down = number = 0
    for section in sections:
        if section.heading:
            number += 1
            yield _heading(section.heading, number, down)
            down += 1
        across = 0
        for width, panel in section.panels:
            if across + width > COLUMNS:
                across, down = 0, down + section.height
            number += 1
            panel.id_val = number
            panel.grid_pos = GridPos(x=across, y=down, w=width, h=section.height)
            across += width
            yield panel
        down += section.height


def _heading(text: str, number: int, down: int) -> RowPanel:
    return builders.Row(text).id(number).grid_pos(GridPos(x=0, y=down, w=COLUMNS, h=1)).build()


def _variable(variable: Variable) -> builders.QueryVariable:
    made = (
        builders.QueryVariable(variable.name)
        .label(variable.label)
        .datasource(variable.source)
        .query(variable.query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(variable.every)
        .include_all(variable.every)
    )
    if variable.pattern:
        made = made.regex(variable.pattern)
    if variable.every:
        made = made.all_value(variable.all_value or ".*").current(VariableOption(text=["All"], value=["$__all"]))
    return made
