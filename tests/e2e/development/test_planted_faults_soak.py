"""Every fault of the table, provoked on the started platform: its log names the cause, as the recorded one does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from rofecare_infra.diagnosis import cause_of
from tests.support.planted import Fault, faults, provoke
from tests.support.platform import PlatformUnderTest

pytestmark = [pytest.mark.soak, pytest.mark.timeout(7200)]

# In the first line of an error, of a hundred.
NAMED = 95


def test_the_causes_of_provoked_faults_are_named(platform: PlatformUnderTest) -> None:
    table = faults()

    def is_named(fault: Fault) -> bool:
        found = cause_of(provoke(platform.name, fault))
        return found is not None and fault.cause in found.text

    with ThreadPoolExecutor(max_workers=2) as pool:
        named = list(pool.map(is_named, table))
    wrong = [fault.name for fault, right in zip(table, named, strict=True) if not right]
    assert len(wrong) * 100 <= len(table) * (100 - NAMED), wrong
