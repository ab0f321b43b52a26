"""What a query asks for, as the tests of rules and dashboards read it."""

from __future__ import annotations

import pytest

from tests.support.faults import ONLY_AFTER
from tests.support.promql import Selector, asked_for, filled, selectors


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("up", {"up": set()}),
        ('rate(a_total{b="c", d!~"e"}[5m] offset 1d)', {"a_total": {"b", "d"}}),
        ("sum by (x) (rate(a_total[5m]))", {"a_total": {"x"}}),
        ("sum without (x) (a)", {"a": set()}),
        ("histogram_quantile(0.9, sum by (part, le) (rate(a_bucket[1m])))", {"a_bucket": {"part", "le"}}),
        # What an aggregation leaves out cannot be asked for above it.
        ("sum by (x) (max by (x, y) (a))", {"a": {"x", "y"}}),
        ("count(max by (y) (a))", {"a": {"y"}}),
        ("a / on (x) group_left (y) b", {"a": {"x"}, "b": {"x"}}),
        ("a unless ignoring (x) b", {"a": set(), "b": set()}),
        ("max by (x) (a / b)", {"a": {"x"}, "b": {"x"}}),
        # A label that is made needs not be there; the one that it is made of does.
        ('sum by (part) (label_replace(a, "part", "$1", "id", "(.+)"))', {"a": {"id"}}),
        ("changes((max by (x) (a))[15m:15s])", {"a": {"x"}}),
        ("-(a)", {"a": set()}),
        ('{__name__="a", b="c"}', {"a": {"b"}}),
        ("vector(1)", {}),
    ],
)
def test_metrics_and_the_labels_that_they_must_have(expr: str, expected: dict[str, set[str]]) -> None:
    assert {one.metric: set(one.labels) for one in selectors(expr)} == expected


def test_what_is_asked_of_values() -> None:
    (one,) = selectors(r'a{b="c", d=~"e|f\\.g", g!="h", i!~"j", k=""}')
    assert one.wanted == {'b="c"', r'd=~"e|f\\.g"'}
    assert selectors(f"a{{{','.join(sorted(one.wanted))}}}") == (Selector("a", frozenset("bd"), one.wanted),)


def test_each_place_of_a_metric_counts() -> None:
    assert [sorted(one.labels) for one in selectors('a{x="1"} or sum by (y) (a)')] == [["x"], ["y"]]


@pytest.mark.parametrize("expr", ["sum(", "a{b=}", "rate(a)", "a b", ""])
def test_what_prometheus_would_not_understand(expr: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        selectors(expr)


def test_variables_are_filled_in() -> None:
    query = 'rate(a_total{service=~"$service", part="$part"}[$__rate_interval])'
    values = {"service": "x", "part": "y"}
    assert filled(query, values) == 'rate(a_total{service=~"x", part="y"}[1m])'


def test_what_needs_a_fault_to_be_told_is_asked_for() -> None:
    assert set(ONLY_AFTER) <= set(asked_for())
