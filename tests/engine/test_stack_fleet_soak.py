"""The whole platform as a stack on three machines: its start, a machine that loses power, updates, a restart of all."""

from __future__ import annotations

import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.fleet import Fleet, fleet
from tests.support.load import Account, Ask, Load
from tests.support.pinned import wait

# What clients measure needs the machine for itself.
pytestmark = [pytest.mark.soak, pytest.mark.alone, pytest.mark.timeout(3600)]

PATIENT = "rofecare-service-patient"
FINANCE = "rofecare-service-finance"
_READ = Ask("read", "GET", "/api/patients/about")
_WRITE = Ask("write", "POST", "/api/patients/records", lambda: {"name": uuid.uuid4().hex})
_ELSEWHERE = Ask("finance", "POST", "/api/finance/records", lambda: {"name": uuid.uuid4().hex})
_RATE = 50
# The database of finance is on the machine that loses power: each of its requests waits for the limits of its service.
_MIX = (*[_READ] * 15, *[_WRITE] * 4, _ELSEWHERE)
# Enough for a rate that is kept while requests hang.
_CLIENTS = 300
# Seconds after which no GET may fail.
_SOON = 5.0
# Seconds in which a Swarm starts elsewhere what a machine had, on few processors.
_ELSEWHERE_AFTER = 300
_UP_AGAIN = 600
REFUSED = frozenset({502, 503, 504})


@pytest.fixture(scope="module")
def site(engine: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The platform on three machines, the first one the only manager; deployed by the first test that needs it."""
    assert engine is not None
    with fleet(tmp_path_factory.mktemp("fleet"), REPLICAS_PATIENT="3") as made:
        place(made)
        yield made


def place(site: Fleet) -> None:
    """The third machine gets one database; what every request needs stays on the others."""
    for service in ("redis", "kafka", "zookeeper", "identity-db", "platform-db", "pharmacy-db"):
        site.platform.expect(0, "place", service, "node1")
    for service in ("patient-db", "clinical-db", "interoperability-db", "medical-technology-db"):
        site.platform.expect(0, "place", service, "node2")
    site.platform.expect(0, "place", "finance-db", "node3")


@pytest.fixture(scope="module")
def deployed(site: Fleet) -> str:
    """The output of the first deployment."""
    return site.deploy()


def test_the_platform_starts_in_its_order_on_three_nodes(
    site: Fleet, deployed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "ready on 3 nodes" in deployed
    stages = site.started()
    with capsys.disabled():
        for stage in stages:
            sys.stdout.write(f"\n{stage.first:%H:%M:%S} to {stage.ready:%H:%M:%S}  {', '.join(stage.services)}")
        sys.stdout.write("\n")
    assert len(stages) == 7
    assert sum(len(stage.services) for stage in stages) == 24  # 22, the front and what prepares its volume
    for before, after in pairwise(stages):
        assert after.first > before.ready, f"{after.services} began before {before.services} were ready"
    code, status = site.status()
    assert code == 0, status
    assert {row["node"] for row in status["services"]} == {"node1", "node2", "node3"}
    assert set(site.replicas(PATIENT).values()) == {"node1", "node2", "node3"}
    assert len(set(site.replicas("rofecare-gateway").values())) == 2
    site.platform.wait_for_smoke()


@pytest.mark.usefixtures("deployed")
def test_a_node_that_loses_power_under_load(site: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    lose(site, [site.base("node1")], capsys)


@pytest.mark.usefixtures("deployed")
def test_an_update_of_three_replicas_fails_no_request(site: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(site.replicas(PATIENT))
    with sending(site, [site.base("node1")], (*[_READ] * 4, _WRITE), retries=1) as sent:
        time.sleep(10)
        site.deploy(ROFECARE_SERVICE_PATIENT_IMAGE=site.variant(PATIENT, "second"))
        time.sleep(10)
    with capsys.disabled():
        sys.stdout.write(f"\nrolling update:\n{sent.summary()}\n")
    assert not before & set(site.replicas(PATIENT))
    assert len(site.replicas(PATIENT)) == 3
    assert not sent.failed(), sent.summary()


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("entrypoint", "code"), [('["sleep", "infinity"]', 6), ('["false"]', 7)], ids=["never healthy", "ends"]
)
def test_an_image_that_does_not_start_is_rolled_back(
    site: Fleet, capsys: pytest.CaptureFixture[str], entrypoint: str, code: int
) -> None:
    before = set(site.replicas(PATIENT))
    broken = {
        "ROFECARE_SERVICE_PATIENT_IMAGE": site.variant(PATIENT, f"broken-{code}", f"ENTRYPOINT {entrypoint}"),
        "GATE_TIMEOUT": "60",
    }
    with sending(site, [site.base("node1")], (*[_READ] * 4, _WRITE), retries=1) as sent:
        output = site.platform.expect(code, "deploy", "--yes", environment=broken)
        time.sleep(5)
    with capsys.disabled():
        sys.stdout.write(f"\nan image that does not start:\n{sent.summary()}\n{output}\n")
    assert PATIENT in output
    assert "rolled back" in output
    assert not sent.failed(), sent.summary()
    # The first one that was replaced is back; the others were never touched.
    wait("three replicas of before", lambda: len(site.replicas(PATIENT)) == 3 and site.status()[0] == 0, 120)
    assert len(before & set(site.replicas(PATIENT))) == 2


@pytest.mark.usefixtures("deployed")
def test_all_nodes_lose_power_at_once(site: Fleet, capsys: pytest.CaptureFixture[str]) -> None:
    site.platform.expect(0, "stop-all")
    site.deploy()
    ids = written(site)
    for one in site.cluster.machines:
        one.cut_power()
    began = time.monotonic()
    for one in site.cluster.machines:
        one.switch_on()
    for one in site.cluster.machines:
        one.wait()
    wait("the platform after the power cut", lambda: site.status()[0] == 0, _UP_AGAIN)
    with capsys.disabled():
        sys.stdout.write(f"\nup again {time.monotonic() - began:.0f} s after the power returned\n")
    assert ids <= site.rows("patient")
    output = site.platform.expect(0, "deploy", "--yes", timeout=1800)
    assert "(already ready)" in output
    site.platform.wait_for_smoke()


def test_with_three_managers_the_one_without_data_loses_power(
    engine: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert engine is not None
    with fleet(tmp_path, managers=3, REPLICAS_PATIENT="3") as site:
        place(site)
        site.platform.expect(0, "place", "finance-db", "node2")
        site.deploy()
        lose(site, [site.base("node2"), site.base("node3")], capsys)


@contextmanager
def sending(
    site: Fleet, bases: Sequence[str], mix: Sequence[Ask], *, rate: float = _RATE, retries: int = 0
) -> Iterator[Load]:
    """A client beside the machines. Of several fronts it tries the next one after two seconds without a connection."""
    with site.cluster.outside():
        # Its threads stay there.
        made = Load(
            bases, mix, rate=rate, timeout=15, connect=2, retries=retries, login=Account(), workers=_CLIENTS
        ).__enter__()
    try:
        yield made
    finally:
        made.stop()


def warm(site: Fleet, bases: Sequence[str]) -> None:
    """Services are slow just after their start, and a broker has to create topics."""
    with sending(site, bases, _MIX, rate=10, retries=3):
        time.sleep(30)


def lose(site: Fleet, bases: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The third machine loses power under load, and returns."""
    lost = site.cluster.machine("node3")
    before = {service: len(site.replicas(service)) for service in site.services()}
    # Without its database, finance does not become ready.
    stateless = [one for one in before if one.startswith("rofecare-") and one != FINANCE]
    warm(site, bases)
    with sending(site, bases, _MIX, retries=len(bases) - 1) as sent:
        time.sleep(10)
        cut = time.monotonic()
        lost.cut_power()
        elsewhere = until(lambda: all(len(site.replicas(one)) >= before[one] for one in stateless), _ELSEWHERE_AFTER)
        time.sleep(max(0.0, cut + 60 - time.monotonic()))
        lost.start()
        back = until(lambda: site.status()[0] == 0, _UP_AGAIN)
        time.sleep(10)
    late = [one for one in sent.failed("read") if one.began > cut + _SOON]
    with capsys.disabled():
        sys.stdout.write(f"\nelsewhere {elsewhere:.0f} s after the cut; as before {back:.0f} s after the return\n")
        sys.stdout.write(f"{sent.summary()}\n")
        for one in sent.failed("read"):
            sys.stdout.write(f"read at {one.began - cut:+.1f} s: {one.status} {one.error} after {one.seconds:.1f} s\n")
    assert not late, f"{len(late)} GETs failed later than {_SOON} s after the cut"
    for route, database in (("write", "patient"), ("finance", "finance")):
        kinds = Counter(one.status for one in sent.of(route) if not one.ok)
        assert {*kinds} <= {*REFUSED, 0}, f"{route}: {kinds}"
        ids = {site.identity(one) for one in sent.of(route) if one.ok}
        assert ids, f"nothing was written to {database}"
        assert ids <= site.rows(database), f"{database} lost rows"
        assert not site.without_message(database, ids), f"{database} lost messages"
    wait("what ran before", lambda: {one: len(site.replicas(one)) for one in site.services()} == before, 60)
    site.platform.wait_for_smoke()


def until(seen: Callable[[], bool], seconds: float) -> float:
    """Wait until something is seen; return the seconds."""
    began = time.monotonic()
    wait("what is waited for", seen, seconds)
    return time.monotonic() - began


def written(site: Fleet) -> set[str]:
    """The ids of some records that were acknowledged."""
    with sending(site, [site.base("node1")], [_WRITE], rate=5, retries=3) as sent:
        time.sleep(10)
    ids = {site.identity(one) for one in sent.of("write") if one.ok}
    assert ids
    return ids
