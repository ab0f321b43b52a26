"""A dashboard: sections of panels, placed in 24 columns; what can be chosen above; where it leads to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as drawn
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
    """Panels below a heading (none where it is empty): each with its width, all of the same height."""

    heading: str
    height: int
    panels: Sequence[tuple[int, Panel]]


@dataclass(frozen=True)
class Choice:
    """What somebody chooses above a dashboard: the values of a query. `every` also offers all of them at once."""

    name: str
    label: str
    query: str
    pattern: str = ""
    every: bool = False
    hidden: bool = False
    source: DataSourceRef = METRICS
    # What stands for all of them where a query has to be told so.
    all_value: str = ""


# The services, by the names that compose and the logs know.
SERVICES = Choice("service", "Service", 'label_values(probe_success{job="readiness"}, service)', every=True)


def board(uid: str, title: str, says: str, *sections: Section, choices: Sequence[Choice] = ()) -> Dashboard:
    """The dashboard, its panels numbered and placed."""
    made = (
        drawn.Dashboard(title)
        .uid(uid)
        .description(says)
        .tags([_TAG])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            drawn.DashboardLink("Other dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([_TAG])
            .as_dropdown(as_dropdown=True)
            .keep_time(keep_time=True)
        )
    )
    for choice in choices:
        made = made.with_variable(_variable(choice))
    built = made.build()
    built.panels = list(_placed(sections))
    return built


def to_logs() -> DashboardLink:
    """To the log lines and traces of the service that was chosen, of the same time."""
    return _link("Its logs and traces", f"/d/{LOGS_UID}?${{service:queryparam}}&${{__url_time_range}}")


def to_logs_of_series() -> DashboardLink:
    """The same of the service whose line was clicked on."""
    label = "${__field.labels.service}"
    return _link(f"Logs and traces of {label}", f"/d/{LOGS_UID}?var-service={label}&${{__url_time_range}}")


def to_logs_of(service: str) -> DashboardLink:
    """The same of a service that is named."""
    return _link(f"Logs of {service}", f"/d/{LOGS_UID}?var-service={service}&${{__url_time_range}}")


def to_board(uid: str, title: str) -> DashboardLink:
    """To another dashboard, of the same time."""
    return _link(title, f"/d/{uid}?${{__url_time_range}}")


def _link(title: str, url: str) -> DashboardLink:
    return drawn.DashboardLink(title).type(DashboardLinkType.LINK).url(url).build()


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
    return drawn.Row(text).id(number).grid_pos(GridPos(x=0, y=down, w=COLUMNS, h=1)).build()


def _variable(choice: Choice) -> drawn.QueryVariable:
    made = (
        drawn.QueryVariable(choice.name)
        .label(choice.label)
        .datasource(choice.source)
        .query(choice.query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(choice.every)
        .include_all(choice.every)
    )
    if choice.pattern:
        made = made.regex(choice.pattern)
    if choice.every:
        made = made.all_value(choice.all_value or ".*").current(VariableOption(text=["All"], value=["$__all"]))
    return made
