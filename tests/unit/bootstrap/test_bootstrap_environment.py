"""When `.venv` is reused, when it is created again, and the arguments of pip."""

from pathlib import Path

import pytest

from bootstrapping import environment as module
from bootstrapping.environment import Environment, pip_environment
from bootstrapping.errors import COMMAND, Refusal
from bootstrapping.run import Answer

BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


class Commands:
    """Replaces running commands: records them, and has the effect of `python -m venv` and `rm`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.run: list[str] = []
        self.fails_at = ""

    def __call__(self, argv: tuple[str, ...], **_: object) -> Answer:
        name = "venv" if "venv" in argv else argv[0] if argv[0] == "rm" else argv[-1]
        self.run.append(name)
        if name == "rm":
            (self.root / ".venv").rename(self.root / f"old-{len(self.run)}")
        if name == "venv":
            (self.root / ".venv/bin").mkdir(parents=True)
            (self.root / ".venv/bin/python").touch()
        return Answer(1, "", "no network") if name == self.fails_at else Answer(0, "", "")


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Commands on a checkout that has its locks and no environment."""
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    fake = Commands(tmp_path)
    monkeypatch.setattr(module, "change", fake)
    return fake


def make(commands: Commands, *, dev: bool = False) -> list[str]:
    """Make the environment; return what was run for it."""
    commands.run.clear()
    environment = Environment(str(commands.root), dev=dev)
    environment.make()
    assert environment.is_ready()
    return commands.run


def test_from_nothing_then_never_again(commands: Commands) -> None:
    assert not Environment(str(commands.root), dev=False).is_ready()
    assert make(commands) == ["venv", "requirements.lock", ".", "scripts"]
    assert make(commands) == []


def test_the_development_tools_come_on_top_and_stay(commands: Commands) -> None:
    make(commands)
    assert make(commands, dev=True) == ["requirements-dev.lock"]
    assert make(commands, dev=False) == []


def test_a_changed_lock_begins_anew(commands: Commands) -> None:
    make(commands)
    (commands.root / "requirements.lock").write_text("newer")
    assert make(commands) == ["rm", "venv", "requirements.lock", ".", "scripts"]


def test_a_changed_project_is_only_installed_again(commands: Commands) -> None:
    make(commands)
    (commands.root / "pyproject.toml").write_text("newer")
    assert make(commands) == [".", "scripts"]


def test_a_moved_checkout_begins_anew(commands: Commands) -> None:
    make(commands)
    moved = commands.root.with_name("moved")
    commands.root.rename(moved)
    assert not Environment(str(moved), dev=False).is_ready()


def test_a_python_that_is_gone_begins_anew(commands: Commands) -> None:
    make(commands)
    (commands.root / ".venv/bin/python").unlink()
    assert make(commands)[:2] == ["rm", "venv"]


@pytest.mark.parametrize("step", ["venv", "requirements.lock", ".", "requirements-dev.lock"])
def test_cut_off_anywhere_it_begins_anew(commands: Commands, step: str) -> None:
    commands.fails_at = step
    environment = Environment(str(commands.root), dev=True)
    with pytest.raises(Refusal) as refused:
        environment.make()
    assert refused.value.code == COMMAND
    assert "no network" in refused.value.seen
    assert not environment.is_ready()
    commands.fails_at = ""
    assert make(commands, dev=True)[:2] == ["rm", "venv"]


def test_pip_trusts_what_the_system_trusts() -> None:
    assert pip_environment({}, BUNDLE)["REQUESTS_CA_BUNDLE"] == BUNDLE
    assert "REQUESTS_CA_BUNDLE" not in pip_environment({}, "")


@pytest.mark.parametrize("name", ["PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_that_the_user_named_stays(name: str) -> None:
    assert "REQUESTS_CA_BUNDLE" not in pip_environment({name: "/site.pem"}, BUNDLE)
