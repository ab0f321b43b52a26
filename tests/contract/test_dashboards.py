"""The dashboards of Grafana: drawn, not copied; they fit the screen, lead somewhere, and ask what can be asked."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from rofecare_dev import dashboards as drawn
from rofecare_dev.dashboards.shapes import NONE_WANTED, ONE_WANTED, Limits
from tests.support.promql import dashboards, filled, queries_of_dashboards, selectors

Json = dict[str, Any]

BOARDS = dashboards()
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"]
NAMED = [f"{name}: {panel['title']}" for name, panel in PANELS]
# Every unit that Grafana knows by name.
UNITS = {value for value in vars(units).values() if isinstance(value, str)}
COLUMNS = 24
# What a screen of 1080 lines shows below Grafana's own head: a unit of height is 38 pixels.
SCREEN = 24
# Those that somebody chooses above the dashboard, and what Grafana knows by itself.
OWN = {"__rate_interval", "__url_time_range", "__field", "__data"}


@pytest.fixture(scope="module")
def sources(root: Path) -> dict[str, Json]:
    path = root / "docker" / "config" / "grafana" / "provisioning" / "datasources" / "sources.yml"
    return {one["uid"]: one for one in yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"]}


def test_the_files_are_what_is_drawn(root: Path) -> None:
    folder = root / "docker" / "config" / "grafana" / "dashboards"
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert found == drawn.texts(), "inv dashboards writes them"


def test_what_is_not_as_drawn_is_written_anew(tmp_path: Path) -> None:
    assert {path.name for path in drawn.write(tmp_path / "new")} == set(BOARDS)
    assert drawn.write(tmp_path / "new") == ()
    (tmp_path / "new" / "redis.json").write_text("{}")
    (tmp_path / "new" / "old.json").write_text("{}")
    assert {path.name for path in drawn.write(tmp_path / "new")} == {"redis.json", "old.json"}
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(BOARDS)


def test_the_subjects() -> None:
    subjects = {"hospital", "service", "gateway", "jvm", "databases", "kafka", "redis", "host", "logs", "starts"}
    assert {name.removesuffix(".json") for name in BOARDS} == subjects
    uids = [board["uid"] for board in BOARDS.values()]
    titles = [board["title"] for board in BOARDS.values()]
    assert len(set(uids)) == len(set(titles)) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_grafanas_own_schema_loses_nothing_of_it(name: str) -> None:
    """What the schema does not know would be dropped on the way through it."""
    register_default_plugins()
    read = Dashboard.from_json(BOARDS[name])
    assert json.loads(json.dumps(read, cls=JSONEncoder)) == BOARDS[name]


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=NAMED)
def test_what_every_panel_says(name: str, panel: Json) -> None:
    assert panel["title"], name
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    # A sentence for whoever is called at night: no names of metrics.
    assert not re.search(r"[a-z]+_[a-z]+", panel["description"])
    assert panel["targets"]


@pytest.mark.parametrize(
    ("limits", "value", "colour"),
    [
        (Limits(0.8, 0.9), 0.7, "green"),
        (Limits(0.8, 0.9), 0.85, "orange"),
        (Limits(0.8, 0.9), 0.95, "red"),
        (NONE_WANTED, 0, "green"),
        (NONE_WANTED, 1, "red"),
        (ONE_WANTED, 0, "red"),
        (ONE_WANTED, 1, "green"),
        (ONE_WANTED, 8, "green"),
    ],
)
def test_colours(limits: Limits, value: float, colour: str) -> None:
    """The last step that the value has reached, as Grafana goes through them."""
    reached = [step.color for step in limits.steps() if step.value is None or value >= step.value]
    assert reached[-1] == colour


@pytest.mark.parametrize("name", BOARDS)
def test_panels_are_numbered_fit_the_screen_and_do_not_overlap(name: str) -> None:
    panels = BOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    for place, panel in zip(places, panels, strict=True):
        assert place["x"] + place["w"] <= COLUMNS
        assert (3 if panel["type"] != "row" else 1) <= place["h"] <= 14
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    # No gap at the right end of any line of panels.
    for line in {place["y"] for place in places}:
        assert sum(place["w"] for place in places if place["y"] == line) == COLUMNS


def test_the_first_one_is_one_screen() -> None:
    assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in BOARDS["hospital.json"]["panels"]) <= SCREEN


@pytest.mark.parametrize("found", queries_of_dashboards(), ids=lambda found: found.where)
def test_every_query_can_be_read(found: Any) -> None:
    assert selectors(filled(found.expr, {"service": "a", "part": "b"}))


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_can_be_chosen(name: str) -> None:
    chosen = {one["name"] for one in BOARDS[name].get("templating", {}).get("list", [])}
    # A link may name a variable of the dashboard that it leads to, as a word of its address.
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARDS[name])))
    assert used - chosen - OWN - {"__all"} == set()


def test_every_source_is_provisioned_under_the_name_that_is_used(sources: dict[str, Json]) -> None:
    used = set(re.findall(r'"type": "(\w+)", "uid": "(\w+)"', json.dumps([*BOARDS.values()])))
    assert used
    assert used <= {(one["type"], uid) for uid, one in sources.items()}
    assert set(re.findall(r"datasourceUid': '(\w+)'", str(sources))) <= set(sources)
    assert {"prometheus", "elasticsearch", "zipkin"} <= set(sources)


def test_sources_are_where_services_listen(sources: dict[str, Json], root: Path) -> None:
    text = (root / "docker" / "docker-compose.monitoring.yml").read_text(encoding="utf-8")
    for one in sources.values():
        host, port = one["url"].removeprefix("http://").split(":")
        assert f"\n  {host}:\n" in text
        assert f":{port}" in text


def test_links_lead_to_dashboards_that_are_there() -> None:
    linked = set(re.findall(r"/d/([\w-]+)\?", json.dumps([*BOARDS.values()])))
    assert "rofecare-logs" in linked
    assert linked <= {board["uid"] for board in BOARDS.values()}


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=NAMED)
def test_what_is_about_services_leads_to_their_logs_and_traces_of_the_same_time(name: str, panel: Json) -> None:
    if "logs" in name or not re.search(r"\bservice\b", json.dumps(panel["targets"])):
        return
    links = [*panel.get("links", []), *panel["fieldConfig"]["defaults"].get("links", [])]
    if panel["type"] == "table":
        return
    assert any("/d/rofecare-logs?" in link["url"] and "${__url_time_range}" in link["url"] for link in links)
    # A link of a value names the service of its series: the series must have that label.
    for link in panel["fieldConfig"]["defaults"].get("links", []):
        assert "service" in json.dumps(panel["targets"]), link


def test_grafana_finds_them_and_shows_the_first_one_first(root: Path) -> None:
    folder = root / "docker" / "config" / "grafana"
    text = (folder / "provisioning" / "dashboards" / "rofecare.yml").read_text(encoding="utf-8")
    (provider,) = yaml.safe_load(text)["providers"]
    compose = yaml.safe_load((root / "docker" / "docker-compose.monitoring.yml").read_text(encoding="utf-8"))
    grafana = compose["services"]["grafana"]
    assert "./config/grafana:/etc/dashboards:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert provider["options"]["path"] == str(Path(home).parent)
    assert Path(home).name in BOARDS
