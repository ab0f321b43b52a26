"""The decorator of the tasks: flags from the signature, the checkout as the first argument, errors as exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from invoke.config import Config
from invoke.context import Context
from invoke.exceptions import Exit

from rofecare_infra.boundary import command
from rofecare_infra.errors import SettingsError


def context(root: Path) -> Context:
    return Context(Config(overrides={"checkout": str(root)}))


def test_the_flags_are_those_of_the_function() -> None:
    @command(iterable=["service"], words="service", help={"tail": "how many"})
    def show(root: Path, service: Sequence[str], tail: int = 100, *, follow: bool = True) -> None:
        """Show it."""

    assert show.get_arguments()[1].help == show.get_arguments()[1].help == "how many"
    found = {argument.name: argument for argument in show.get_arguments()}
    assert set(found) == {"service", "tail", "follow"}
    assert (found["tail"].kind, found["tail"].help) == (int, "how many")
    assert (show.name, show.__doc__, show.words) == ("show", "Show it.", "service")


def test_the_function_gets_the_checkout_and_the_flags(tmp_path: Path) -> None:
    seen: list[tuple[Path, bool]] = []

    @command()
    def show(root: Path, *, json: bool = False) -> None:
        seen.append((root, json))

    show(context(tmp_path), json=True)
    assert seen == [(tmp_path, True)]


def test_an_error_is_an_exit_code(tmp_path: Path) -> None:
    @command()
    def fail(_root: Path) -> None:
        raise SettingsError("it failed")

    with pytest.raises(Exit) as caught:
        fail(context(tmp_path))
    assert caught.value.code == SettingsError.exit_code


def test_an_interruption_asks_for_this_checkout(tmp_path: Path) -> None:
    @command(interrupted=lambda root: f"see {root.name}")
    def wait(_root: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Exit) as caught:
        wait(context(tmp_path))
    assert (caught.value.code, caught.value.message) == (130, f"interrupted: see {tmp_path.name}")
