"""What every suite knows: whether an engine is there, and what becomes of a test that needs one when it is not."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path

import pytest

from rofecare_infra.engine import Engine, connect
from rofecare_infra.errors import EngineError

# The fixture that stands for the need; a test that uses it, directly or not, gets the marker of the same name.
ENGINE = "engine"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-engine",
        action="store_true",
        help="a missing container engine is a failure (CI), not a reason to skip (a laptop)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{ENGINE}: needs a container engine (set by the use of the fixture)")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ENGINE in getattr(item, "fixturenames", ()):
            item.add_marker(ENGINE)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Engine:
    """An engine that answers and is new enough."""
    try:
        return connect()
    except EngineError as error:
        reason = f"{error.what}: {error.seen}"
    # The SDK drops the socket that nobody answered without closing it; that is no finding of ours.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    if pytestconfig.getoption("--require-engine"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
