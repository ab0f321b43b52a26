"""What every suite shares: tiers, the order and grouping of tests over several processes, and the engine.

Tiers are markers, registered in pyproject.toml. A test without one belongs to the default tier (`inv test`); `full`
adds it to `inv test --full` only; `soak` to `inv test --soak` only. Mark a function, a class, or a whole file
(`pytestmark = pytest.mark.full`).

With several workers (pytest-xdist) the tests of one file run in one worker, in the order of the file, so that module
fixtures are created once. The files of tests/e2e run in the same worker, so that they share one whole platform at a
time, except those whose platform is separate (tests/support/order.py).
Session fixtures exist once per worker: what they create outside of the process needs a name of its own or a lock
(tests/support/turnstile.py).

A test that measures time is marked `alone`: no other test of this run starts or runs beside it. The wait for its turn
counts neither for its timeout nor for its duration.

A run that leaves a container, a network or a volume of its own on the engine fails; the next run removes what a killed
one left (tests/support/leftovers.py).
"""

from __future__ import annotations

import gc
import shutil
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rofecare_infra.engine import Engine, connect
from rofecare_infra.errors import EngineError
from tests.support.leftovers import Leftovers, remove_abandoned
from tests.support.order import FileScheduling, ranks
from tests.support.turnstile import turn

# A test that uses this fixture, directly or not, gets the marker of the same name.
ENGINE = "engine"
WATCHED = pytest.StashKey[Leftovers]()
LEFT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-engine",
        action="store_true",
        help="fail (CI) instead of skip (a laptop) if there is no container engine",
    )
    parser.addoption(
        "--random-files",
        type=int,
        metavar="SEED",
        help="run the files in a random order; the order within a file stays",
    )


def pytest_configure() -> None:
    """Receive the signals that a script in the background or `nohup` ignores: the commands under test inherit that."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_report_header(config: pytest.Config) -> list[str]:
    seed = config.getoption("--random-files")
    return [] if seed is None else [f"files in random order: --random-files {seed}"]


def pytest_sessionstart(session: pytest.Session) -> None:
    if not is_worker(session.config) and not session.config.option.collectonly and shutil.which("docker"):
        remove_abandoned()
        session.config.stash[WATCHED] = Leftovers()


# Last, when the workers of pytest-xdist have ended.
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    watched = session.config.stash.get(WATCHED, None)
    session.config.stash[LEFT] = watched.find() if watched else []
    if session.config.stash[LEFT] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left = terminalreporter.config.stash.get(LEFT, [])
    if left:
        terminalreporter.section("left on the engine: the run fails", red=True)
        for line in left:
            terminalreporter.line(line)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=ranks(items, config.getoption("--random-files"), platform_first=is_worker(config)).__getitem__)
    for item in items:
        if ENGINE in getattr(item, "fixturenames", ()):
            item.add_marker(ENGINE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileScheduling:
    return FileScheduling(config, log)


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is one of several that share the tests of one run."""
    return hasattr(config, "workerinput")


# Outermost, so that pytest-timeout does not count the wait.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    if not is_worker(item.config):
        return (yield)
    folder = Path(item.config.cache.mkdir("turnstile"))
    with turn(folder, alone=item.get_closest_marker("alone") is not None):
        return (yield)


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
    # The SDK leaves the socket of a failed connection to the garbage collector, which warns.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    if pytestconfig.getoption("--require-engine"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
