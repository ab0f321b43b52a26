"""The order of the files of a run, and how several workers share them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

E2E = Path(__file__).resolve().parents[1] / "e2e"
# Their platforms have an engine or ports of their own, so any worker may run them.
SEPARATE = frozenset({"test_added_service.py", "test_power_cut.py", "test_registry.py"})


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives each worker whole files, and the files of tests/e2e that share ports to one: one of their platforms runs.

    pytest-xdist's own way to group tests, a marker, has no effect with pytest 9.2: the scheduler reads the group from
    a name that pytest no longer takes from it.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        path = self.config.rootpath / file
        return str(E2E) if E2E in path.parents and path.name not in SEPARATE else file


def ranks(items: Sequence[pytest.Item], seed: int | None, *, platform_first: bool) -> dict[pytest.Item, int]:
    """Rank each test by its file: as collected, at random, or with the platform's long tests first.

    Workers take files in this order. The platform's files take longest; if they came last, the others would idle.
    """
    files = list(dict.fromkeys(item.path for item in items))
    if seed is not None:
        random.Random(seed).shuffle(files)  # noqa: S311 - no secret
    if platform_first:
        files.sort(key=lambda file: E2E not in file.parents)
    place = {file: number for number, file in enumerate(files)}
    return {item: place[item.path] for item in items}
