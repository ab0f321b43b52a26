"""What a query of Prometheus asks for: the metrics, and the labels that each of them must have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser as promql
import yaml  # type: ignore[import-untyped]  # comes with yamllint, without its types

Json = dict[str, Any]

CONFIG = Path(__file__).parents[2] / "docker" / "config"

# What Grafana puts in the place of its own variables, as a rate over four scrapes.
_GRAFANA = {"$__rate_interval": "1m", "$__range": "1h", "$__interval": "1m"}


_SOME_SERVICE = {"service": "rofecare-service-patient", "part": "patient"}


@dataclass(frozen=True)
class Selector:
    """One metric in a query, with the labels that it has to have for the query to mean anything."""

    metric: str
    labels: frozenset[str]
    # What is asked of the values of labels, as it is written: `mode="idle"`. What they must not be is left out.
    wanted: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Found:
    """A query and its location."""

    where: str
    expr: str


def selectors(expr: str) -> tuple[Selector, ...]:
    """Every metric of the query. Raises ValueError for what Prometheus would not understand."""
    return tuple(_walk(promql.parse(expr), frozenset()))


def filled(expr: str, variables: Mapping[str, str]) -> str:
    """A dashboard's query as Grafana would send it."""
    for name, value in {**_GRAFANA, **{f"${name}": value for name, value in variables.items()}}.items():
        expr = expr.replace(name, value)
    return expr


def queries_of_rules() -> tuple[Found, ...]:
    """The query of every alert and recording rule."""
    return tuple(
        Found(f"{path.name}: {rule.get('alert') or rule.get('record')}", rule["expr"])
        for path in sorted((CONFIG / "prometheus" / "alerts").glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    )


def dashboards() -> dict[str, Json]:
    """File name -> the dashboard in it."""
    folder = CONFIG / "grafana" / "dashboards"
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def queries_of_dashboards() -> tuple[Found, ...]:
    """Every query that a panel sends to Prometheus, its variables not filled in."""
    return tuple(
        Found(f"{name}: {panel['title']}", target["expr"])
        for name, dashboard in dashboards().items()
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
        if target["datasource"]["type"] == "prometheus"
    )


def asked_for() -> dict[str, str]:
    """Every metric, label and value of a label that a rule or a dashboard asks for -> where."""
    found: dict[str, str] = {}
    for one in (*queries_of_rules(), *queries_of_dashboards()):
        for selector in selectors(filled(one.expr, _SOME_SERVICE)):
            parts = (*(f"{{{part}}}" for part in (*selector.labels, *selector.wanted)), "")
            found |= {f"{selector.metric}{part}": one.where for part in parts}
    return found


def _walk(node: object, grouped: frozenset[str]) -> Iterator[Selector]:
    """The selectors below; `grouped` are the labels that what stands above takes apart or matches by."""
    match node:
        case promql.VectorSelector():
            yield _selector(node, grouped)
        case promql.MatrixSelector():
            # What it holds is a selector, too.
            yield _selector(node.vector_selector, grouped)
        case promql.AggregateExpr():
            by = node.modifier is not None and node.modifier.type == promql.AggModifierType.By
            # Only what passes an aggregation can still be matched above it.
            yield from _walk(node.expr, frozenset(node.modifier.labels) if by and node.modifier else frozenset())
        case promql.BinaryExpr():
            matched = _matched(node.modifier)
            yield from _walk(node.lhs, grouped | matched)
            # Without `on`, both sides are matched by all of their labels.
            yield from _walk(node.rhs, matched or grouped)
        case promql.Call():
            made, used = _of_call(node)
            for argument in node.args:
                yield from _walk(argument, (grouped - made) | used)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _walk(node.expr, grouped)


def _selector(node: promql.VectorSelector, grouped: frozenset[str]) -> Selector:
    matchers = {one.name: one for one in node.matchers.matchers}
    metric = node.name or matchers["__name__"].value
    # What stands for each of the two, for they cannot be the keys of a mapping.
    signs = ((promql.MatchOp.Equal, "="), (promql.MatchOp.Re, "=~"))
    # An empty value asks for series without the label. A backslash is written as two, as in the query.
    wanted = frozenset(
        f"{one.name}{sign}{json.dumps(one.value)}"
        for one in matchers.values()
        for op, sign in signs
        if one.op == op and one.value and one.name != "__name__"
    )
    return Selector(metric, frozenset(grouped | set(matchers)) - {"__name__"}, wanted)


def _matched(modifier: promql.BinModifier | None) -> frozenset[str]:
    if modifier is None or modifier.matching is None or modifier.matching.type != promql.LabelModifierType.Include:
        return frozenset()
    return frozenset(modifier.matching.labels)


def _of_call(node: promql.Call) -> tuple[frozenset[str], frozenset[str]]:
    """The labels that a call makes, and those that it needs."""
    if node.func.name != "label_replace":
        return frozenset(), frozenset()
    words = [one.val for one in node.args if isinstance(one, promql.StringLiteral)]
    return frozenset({words[0]}), frozenset({words[2]})
