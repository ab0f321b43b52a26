"""The rights of each user follow from the labels of the services, and from nothing else."""

from __future__ import annotations

from rofecare_infra.kafka.rights import Operation, Pattern, Resource, Right, rights_of

_PREFIX = "com.rofecare.kafka."


def granted(service: str = "ward", **labels: str) -> set[tuple[str, str, str, str]]:
    """User, resource, name and operation of each right."""
    found = rights_of({service: {f"{_PREFIX}{kind}": value for kind, value in labels.items()}})
    assert {(one.host, one.permission) for one in found} <= {("*", 3)}
    return {
        (
            one.principal.removeprefix("User:"),
            Resource(one.resource).name.lower(),
            one.name + ("*" if one.pattern == Pattern.PREFIXED else ""),
            Operation(one.operation).name.lower(),
        )
        for one in found
    }


def test_no_label_grants_nothing() -> None:
    assert granted() == set()
    assert rights_of({"ward": {"com.rofecare.phase": "business"}}) == frozenset()


def test_a_producer_writes_its_topics_and_reads_none() -> None:
    assert granted(produces="beds  rounds") == {
        ("ward", "topic", topic, operation)
        for topic in ("beds", "rounds")
        for operation in ("write", "create", "alter")
    }


def test_a_consumer_reads_as_the_group_of_its_name() -> None:
    assert granted(consumes="beds") == {
        ("ward", "topic", "beds", "read"),
        ("ward", "topic", "beds", "create"),
        ("ward", "group", "ward", "read"),
    }


def test_other_groups_replace_that_of_its_name() -> None:
    groups = {name for _, kind, name, _ in granted(consumes="beds", groups="a b") if kind == "group"}
    assert groups == {"a", "b"}


def test_a_name_with_a_star_is_a_prefix_and_a_star_stands_for_all_names() -> None:
    assert {name for _, _, name, _ in granted(produces="beds.*")} == {"beds.*"}
    (right, *_) = sorted(rights_of({"w": {f"{_PREFIX}transactions": "*"}}))
    assert (right.name, right.pattern) == ("*", Pattern.LITERAL)


def test_an_observer_reads_no_message() -> None:
    found = granted(user="monitoring", observes="*")
    assert {operation for *_, operation in found} == {"describe", "describe_configs"}
    assert {(kind, name) for _, kind, name, _ in found} == {
        ("topic", "*"),
        ("group", "*"),
        ("cluster", "kafka-cluster"),
    }
    assert {user for user, *_ in found} == {"monitoring"}


def test_services_with_one_user_share_its_rights() -> None:
    labels = {
        "a": {f"{_PREFIX}user": "both", f"{_PREFIX}produces": "x"},
        "b": {f"{_PREFIX}user": "both", f"{_PREFIX}produces": "x y"},
    }
    assert {one.name for one in rights_of(labels)} == {"x", "y"}
    assert {one.principal for one in rights_of(labels)} == {"User:both"}
    assert Right("User:both", Resource.TOPIC, "y", Pattern.LITERAL, Operation.WRITE) in rights_of(labels)
