"""Grafana's dashboards: generated from modules, within the screen, with valid links and queries."""

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

from rofecare_dev import dashboards as modules
from rofecare_dev.dashboards.shapes import NONE_WANTED, ONE_WANTED, Limits
from tests.support.promql import dashboards, filled, queries_of_dashboards, selectors

Json = dict[str, Any]

BOARDS = dashboards()
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in board["panels"] if panel["type"] != "row"]
NAMED = [f"{name}: {panel['title']}" for name, panel in PANELS]
# Every unit that Grafana knows by name.
UNITS = {value for value in vars(units).values() if isinstance(value, str)}
COLUMNS = 24
# The height that fits a screen of 1080 lines below Grafana's header: a unit is 38 pixels.
SCREEN = 24
# The variables that Grafana defines.
OWN = {"__rate_interval", "__url_time_range", "__field", "__data"}


@pytest.fixture(scope="module")
def sources(root: Path) -> dict[str, Json]:
    path = root / "docker" / "config" / "grafana" / "provisioning" / "datasources" / "sources.yml"
    return {one["uid"]: one for one in yaml.safe_load(path.read_text(encoding="utf-8"))["datasources"]}


def test_the_files_match_the_modules(root: Path) -> None:
    folder = root / "docker" / "config" / "grafana" / "dashboards"
    found = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert found == modules.texts(), "run inv dashboards"


def test_files_that_differ_are_written(tmp_path: Path) -> None:
    assert {path.name for path in modules.write(tmp_path / "new")} == set(BOARDS)
    assert modules.write(tmp_path / "new") == ()
    (tmp_path / "new" / "redis.json").write_text("{}")
    (tmp_path / "new" / "old.json").write_text("{}")
    assert {path.name for path in modules.write(tmp_path / "new")} == {"redis.json", "old.json"}
    assert {path.name for path in (tmp_path / "new").iterdir()} == set(BOARDS)


def test_the_subjects() -> None:
    subjects = {"hospital", "service", "gateway", "jvm", "databases", "kafka", "redis", "host", "logs", "starts"}
    assert {name.removesuffix(".json") for name in BOARDS} == subjects
    uids = [board["uid"] for board in BOARDS.values()]
    titles = [board["title"] for board in BOARDS.values()]
    assert len(set(uids)) == len(set(titles)) == len(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_grafanas_schema_covers_every_field(name: str) -> None:
    """A field that is not in the schema would be dropped."""
    register_default_plugins()
    read = Dashboard.from_json(BOARDS[name])
    assert json.loads(json.dumps(read, cls=JSONEncoder)) == BOARDS[name]


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=NAMED)
def test_every_panel_has_a_title_a_description_and_a_unit(name: str, panel: Json) -> None:
    assert panel["title"], name
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    # A sentence for the person on call, without names of metrics.
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
    """The colour of the last step that the value reaches, as in Grafana."""
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
    # No row of panels leaves a gap at the right.
    for line in {place["y"] for place in places}:
        assert sum(place["w"] for place in places if place["y"] == line) == COLUMNS


def test_the_home_dashboard_fits_one_screen() -> None:
    assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in BOARDS["hospital.json"]["panels"]) <= SCREEN


@pytest.mark.parametrize("found", queries_of_dashboards(), ids=lambda found: found.where)
def test_every_query_can_be_parsed(found: Any) -> None:
    assert selectors(filled(found.expr, {"service": "a", "part": "b"}))


@pytest.mark.parametrize("name", BOARDS)
def test_every_variable_is_defined(name: str) -> None:
    chosen = {one["name"] for one in BOARDS[name].get("templating", {}).get("list", [])}
    # A link may name a variable of its target dashboard as a parameter of its address.
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(BOARDS[name])))
    assert used - chosen - OWN - {"__all"} == set()


def test_every_data_source_is_provisioned_under_its_uid(sources: dict[str, Json]) -> None:
    used = set(re.findall(r'"type": "(\w+)", "uid": "(\w+)"', json.dumps([*BOARDS.values()])))
    assert used
    assert used <= {(one["type"], uid) for uid, one in sources.items()}
    assert set(re.findall(r"datasourceUid': '(\w+)'", str(sources))) <= set(sources)
    assert {"prometheus", "elasticsearch", "zipkin"} <= set(sources)


def test_data_sources_point_to_services_that_exist(sources: dict[str, Json], root: Path) -> None:
    text = (root / "docker" / "docker-compose.monitoring.yml").read_text(encoding="utf-8")
    for one in sources.values():
        host, port = one["url"].removeprefix("http://").split(":")
        assert f"\n  {host}:\n" in text
        assert f":{port}" in text


def test_links_lead_to_dashboards_that_exist() -> None:
    linked = set(re.findall(r"/d/([\w-]+)\?", json.dumps([*BOARDS.values()])))
    assert "rofecare-logs" in linked
    assert linked <= {board["uid"] for board in BOARDS.values()}


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=NAMED)
def test_panels_about_services_link_to_their_logs_in_the_same_period(name: str, panel: Json) -> None:
    if "logs" in name or not re.search(r"\bservice\b", json.dumps(panel["targets"])):
        return
    links = [*panel.get("links", []), *panel["fieldConfig"]["defaults"].get("links", [])]
    if panel["type"] == "table":
        return
    assert any("/d/rofecare-logs?" in link["url"] and "${__url_time_range}" in link["url"] for link in links)
    # A link of a value refers to the service label of its series, which must exist.
    for link in panel["fieldConfig"]["defaults"].get("links", []):
        assert "service" in json.dumps(panel["targets"]), link


def test_grafana_provisions_the_dashboards_and_the_home_dashboard(root: Path) -> None:
    folder = root / "docker" / "config" / "grafana"
    text = (folder / "provisioning" / "dashboards" / "rofecare.yml").read_text(encoding="utf-8")
    (provider,) = yaml.safe_load(text)["providers"]
    compose = yaml.safe_load((root / "docker" / "docker-compose.monitoring.yml").read_text(encoding="utf-8"))
    grafana = compose["services"]["grafana"]
    assert "./config/grafana:/etc/dashboards:ro" in grafana["volumes"]
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert provider["options"]["path"] == str(Path(home).parent)
    assert Path(home).name in BOARDS
