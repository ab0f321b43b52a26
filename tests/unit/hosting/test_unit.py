"""The unit's text: systemd's own program reads every one of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from rofecare_infra.hosting import Inherited, Systemd, Unit, unit_of
from rofecare_infra.hosting.unit import MARK, command_word, quoted
from rofecare_infra.platform import Platform
from rofecare_infra.settings import Assignment, Settings
from tests.support.fakes import service

PLATFORM = Platform(
    "rofecare",
    (
        service("db", stop_grace=120.0),
        service("redis", stop_grace=30.0),
        service("kafka", depends_on=("redis",), stop_grace=60.0),
        service("app", "business", stop_grace=45.0),
    ),
)


def unit(root: Path = Path("/opt/rofecare"), /, *, production: bool = True, **environment: str) -> Unit:
    settings = Settings(root, {"GATE_TIMEOUT": Assignment("200", ".env line 3")})
    return unit_of(settings, PLATFORM, Inherited(environment), user="operator", production=production)


def lines(made: Unit) -> list[str]:
    return made.text.splitlines()


def test_it_runs_this_checkouts_own_commands_as_its_owner() -> None:
    made = unit()
    assert made.name == "rofecare.service"
    assert MARK in made.text
    assert 'ExecStart=/usr/bin/env "/opt/rofecare/.venv/bin/inv" start-all --prod' in lines(made)
    assert 'ExecStop=/usr/bin/env "/opt/rofecare/.venv/bin/inv" stop-all' in lines(made)
    assert {"User=operator", "WorkingDirectory=/opt/rofecare", "Requires=docker.service"} <= set(lines(made))
    assert 'ExecStart=/usr/bin/env "/opt/rofecare/.venv/bin/inv" start-all' in lines(unit(production=False))


def test_limits_leave_every_stage_and_every_container_its_time() -> None:
    # Three stages of 200 s; 120 + 60 + 45 s of grace; two minutes for the rest.
    assert {"TimeoutStartSec=720", "TimeoutStopSec=345"} <= set(lines(unit()))


def test_what_the_environment_sets_is_written_down() -> None:
    made = unit(COMPOSE_PROJECT_NAME="ward", SECRETS_DIR='/a "b" 100%')
    assert 'Environment="COMPOSE_PROJECT_NAME=ward"' in lines(made)
    assert 'Environment="SECRETS_DIR=/a \\"b\\" 100%%"' in lines(made)
    assert "GATE_TIMEOUT=" not in made.text


@pytest.mark.parametrize(
    ("word", "in_list", "in_command"),
    [
        ("/plain", '"/plain"', '"/plain"'),
        ("/with blank", '"/with blank"', '"/with blank"'),
        ('a"b\\c', '"a\\"b\\\\c"', '"a\\"b\\\\c"'),
        ("100%", '"100%%"', '"100%%"'),
        ("$HOME", '"$HOME"', '"$$HOME"'),
    ],
)
def test_words(word: str, in_list: str, in_command: str) -> None:
    assert (quoted(word), command_word(word)) == (in_list, in_command)


@pytest.mark.parametrize("folder", ["rofecare", "with blank", "100% $HOME", 'quote "it" \\ back'])
def test_systemd_has_nothing_against_it(tmp_path: Path, folder: str) -> None:
    made = unit(tmp_path / folder, SECRETS_DIR=str(tmp_path / folder / "secrets"))
    assert Systemd().complaints(made, beside=_engine(tmp_path)) == ()


def test_systemd_would_have(tmp_path: Path) -> None:
    made = unit(tmp_path)
    wrong = Unit(made.name, made.text.replace("Type=oneshot", "Type=onceshot"))
    assert "onceshot" in Systemd().complaints(wrong, beside=_engine(tmp_path))[0]


def _engine(folder: Path) -> Path:
    """A unit that ours needs, and that is not there on every machine that runs these tests."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here; python3 scripts/bootstrap.py test brings it")
    (folder / "docker.service").write_text("[Service]\nExecStart=/bin/true\n")
    return folder / "docker.service"
