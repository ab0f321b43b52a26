"""The alerts: each is tested, explained, and says what it may be the effect of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

from rofecare_infra.alerts import sections

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "docker" / "config" / "prometheus"
SUBJECTS = sorted(path.stem for path in (PROMETHEUS / "alerts").glob("*.yml"))


def loaded(path: Path) -> Json:
    parsed: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return parsed


def rules(subject: str) -> list[Json]:
    groups = loaded(PROMETHEUS / "alerts" / f"{subject}.yml")["groups"]
    assert [group["name"] for group in groups] == [subject]
    return [rule for group in groups for rule in group["rules"]]


EVERY = [(subject, rule) for subject in SUBJECTS for rule in rules(subject)]
NAMES = [rule["alert"] for _, rule in EVERY]
INHIBITS: list[Json] = loaded(ROOT / "docker" / "config" / "alertmanager" / "routes.yml")["inhibit_rules"]


def program(name: str) -> str:
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name) or ""


# What the platform runs, and the oldest that is promised where this machine's release has it.
PROMTOOLS = ["promtool", *(name for name in ["promtool-2.42"] if program(name))]


@pytest.fixture(scope="module", params=PROMTOOLS)
def promtool(request: pytest.FixtureRequest) -> str:
    found = program(request.param)
    if not found:
        assert not os.environ.get("CI"), "no promtool: scripts/bootstrap.py test brings it"
        pytest.skip("no promtool here: python3 scripts/bootstrap.py test brings it")
    return found


def judged(promtool: str, *words: str, cwd: Path = PROMETHEUS) -> str:
    done = subprocess.run([promtool, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_subjects() -> None:
    assert {"services", "jvm", "pools", "circuit-breakers", "gateway", "kafka", "postgresql", "redis", "host"} <= {
        *SUBJECTS
    }
    assert {"backups", "monitoring", "logs"} <= {*SUBJECTS}
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize(("subject", "rule"), EVERY, ids=NAMES)
def test_what_every_alert_says(subject: str, rule: Json) -> None:
    labels = rule["labels"]
    assert labels["severity"] in {"critical", "warning"} or rule["alert"] == "Watchdog"
    summary = rule["annotations"]["summary"]
    # A sentence for the telephone: no names of metrics, no numbers to be interpreted.
    assert summary.endswith(".")
    assert len(summary) <= 140, subject
    assert not re.search(r"[a-z]+_[a-z]+(?! \}\})|\$value|%", re.sub(r"\{\{.*?\}\}", "", summary))
    assert rule["annotations"]["runbook"] == f"monitoring/runbook.md#{rule['alert'].lower()}"


def test_a_section_of_the_runbook_each_and_no_other() -> None:
    found = sections((ROOT / "monitoring" / "runbook.md").read_text(encoding="utf-8"))
    assert sorted(found) == sorted(NAMES)
    assert [name for name, text in found.items() if not text] == []


def commands(section: str) -> list[str]:
    """What a section has in backquotes, however its lines are broken."""
    return sorted(" ".join(found.split()) for found in re.findall(r"`([^`]+)`", section))


def test_the_runbook_has_a_french_twin_with_the_same_sections_and_commands() -> None:
    english, french = (
        sections((ROOT / "monitoring" / name).read_text(encoding="utf-8")) for name in ("runbook.md", "runbook.fr.md")
    )
    assert [*french] == [*english]
    for name, text in english.items():
        assert commands(french[name]) == commands(text), name


@pytest.mark.parametrize(("subject", "rule"), EVERY, ids=NAMES)
def test_each_has_a_course_of_events_at_which_it_fires_and_one_at_which_it_does_not(subject: str, rule: Json) -> None:
    name = rule["alert"]
    cases = loaded(PROMETHEUS / "tests" / f"{subject}.yml")["tests"]
    mine = [test for case in cases for test in case["alert_rule_test"] if test["alertname"] == name]
    assert any(test["exp_alerts"] for test in mine)
    assert any(not test["exp_alerts"] for test in mine) or name == "Watchdog"


def test_what_may_be_an_effect_looks_back_no_further_than_its_causes_are_held() -> None:
    """Otherwise the effect would be reported after its cause has ended."""
    for _, rule in EVERY:
        if rule["labels"].get("effect") == "part":
            windows = [int(number) for number in re.findall(r"\[(\d+)m", rule["expr"])]
            assert max(windows, default=0) <= 2, rule["alert"]
        if rule["labels"].get("cause"):
            assert rule.get("keep_firing_for") or rule["alert"] == "ServiceRestarts", rule["alert"]


def test_every_cause_and_symptom_is_known_to_the_routes() -> None:
    for role, matchers in (("cause", "source_matchers"), ("symptom", "target_matchers")):
        text = str([rule[matchers] for rule in INHIBITS])
        named = {rule["labels"][role] for _, rule in EVERY if role in rule["labels"]}
        assert [name for name in named if name not in text] == []


def matches(matchers: list[str], labels: Json) -> bool:
    """As Alertmanager reads `name="value"` and `name=~"pattern"`."""
    parts = [re.fullmatch(r'(\w+)(=~?)"(.*)"', matcher) for matcher in matchers]
    return all(
        part is not None
        and re.fullmatch(part[3] if part[2] == "=~" else re.escape(part[3]), labels.get(part[1], "")) is not None
        for part in parts
    )


def explained() -> list[tuple[Json, Json]]:
    """The pairs of rules of which the first keeps the second quiet (in the same part)."""
    return [
        (one, other)
        for inhibit in INHIBITS
        for _, one in EVERY
        for _, other in EVERY
        if matches(inhibit["source_matchers"], one["labels"])
        and matches(inhibit["target_matchers"], other["labels"])
        # What is both cannot keep its like quiet.
        and not (
            matches(inhibit["source_matchers"], other["labels"]) and matches(inhibit["target_matchers"], one["labels"])
        )
    ]


def test_no_two_alerts_keep_each_other_quiet() -> None:
    quiet = {(one["alert"], other["alert"]) for one, other in explained()}
    assert not [pair for pair in quiet if pair[::-1] in quiet]


def test_an_explanation_lasts_longer_than_what_it_explains() -> None:
    """Otherwise the symptom would be reported after its cause has ended."""
    # Restarts are counted for a quarter of an hour, whatever they came from; what does not arrive arrives at once.
    own = {"ServiceRestarts", "LogsNotArriving"}
    short = [(one["alert"], other["alert"]) for one, other in explained() if held(one) < held(other) + 15]
    assert [pair for pair in short if not own & {*pair}] == []


def held(rule: Json) -> int:
    """For how many seconds the alert continues after its cause has ended."""
    windows = [seconds(window) for window in re.findall(r"\[(\w+)", rule["expr"])]
    return max(windows, default=0) + seconds(rule.get("keep_firing_for", "0s"))


def seconds(text: str) -> int:
    return sum(int(number) * {"s": 1, "m": 60, "h": 3600}[unit] for number, unit in re.findall(r"(\d+)([smh])", text))


def test_promtool_finds_no_fault(promtool: str, tmp_path: Path) -> None:
    judged(promtool, "check", "rules", *(f"alerts/{subject}.yml" for subject in SUBJECTS))
    # The paths inside the container, as seen from here.
    text = (PROMETHEUS / "prometheus.yml").read_text().replace("/etc/prometheus/", f"{PROMETHEUS}/")
    (tmp_path / "prometheus.yml").write_text(text)
    judged(promtool, "check", "config", str(tmp_path / "prometheus.yml"))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_alerts_fire_when_they_should_and_are_quiet_when_not(promtool: str, subject: str) -> None:
    judged(promtool, "test", "rules", f"tests/{subject}.yml")
