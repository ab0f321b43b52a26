"""The rights of each user of Kafka, from the labels of the services.

    com.rofecare.kafka.produces      topics that the service writes to, separated by blanks
    com.rofecare.kafka.consumes      topics that it reads, as the consumer groups below
    com.rofecare.kafka.groups        its consumer groups; default: one with the name of its user
    com.rofecare.kafka.transactions  the transactional ids of its producers
    com.rofecare.kafka.observes      topics and groups whose state it reads, but no message
    com.rofecare.kafka.user          its user; default: the name of the service

A name that ends with `*` is a prefix; `*` alone stands for all names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum

_LABEL = "com.rofecare.kafka."
_EVERYBODY = "*"
# The only name that a right on the cluster may have.
_CLUSTER = "kafka-cluster"


class Resource(IntEnum):
    """What a right is about, by the number in Kafka's protocol."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4
    TRANSACTIONAL_ID = 5


class Pattern(IntEnum):
    """How its name is meant."""

    LITERAL = 3
    PREFIXED = 4


class Operation(IntEnum):
    """What it permits. Read, write and alter include describe."""

    READ = 3
    WRITE = 4
    CREATE = 5
    ALTER = 7
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


_ALLOW = 3
# Label -> what it grants on each of its names. Every client may create its topics: Spring does so when it starts, and a
# consumer may be the first. Adding partitions is left to those who write.
_GRANTED: Mapping[str, tuple[tuple[Resource, tuple[Operation, ...]], ...]] = {
    "produces": ((Resource.TOPIC, (Operation.WRITE, Operation.CREATE, Operation.ALTER)),),
    "consumes": ((Resource.TOPIC, (Operation.READ, Operation.CREATE)),),
    "groups": ((Resource.GROUP, (Operation.READ,)),),
    "transactions": ((Resource.TRANSACTIONAL_ID, (Operation.WRITE,)),),
    "observes": (
        (Resource.TOPIC, (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)),
        (Resource.GROUP, (Operation.DESCRIBE,)),
    ),
}
_OF_AN_OBSERVER = (Operation.DESCRIBE, Operation.DESCRIBE_CONFIGS)


@dataclass(frozen=True, order=True)
class Right:
    """One entry of the broker's access control list. The numbers are those of the protocol: it may hold any of them."""

    principal: str
    resource: int
    name: str
    pattern: int
    operation: int
    host: str = _EVERYBODY
    permission: int = _ALLOW


def rights_of(labels: Mapping[str, Mapping[str, str]]) -> frozenset[Right]:
    """The rights that the labels of these services grant."""
    return frozenset(right for service, mine in labels.items() for right in _rights_of(service, mine))


def _rights_of(service: str, labels: Mapping[str, str]) -> Iterator[Right]:
    names = {kind: labels.get(f"{_LABEL}{kind}", "").split() for kind in _GRANTED}
    user = labels.get(f"{_LABEL}user", service)
    if names["consumes"]:
        names["groups"] = names["groups"] or [user]
    for kind, granted in _GRANTED.items():
        for name in names[kind]:
            for resource, operations in granted:
                yield from (_right(user, resource, name, one) for one in operations)
    if names["observes"]:
        yield from (_right(user, Resource.CLUSTER, _CLUSTER, one) for one in _OF_AN_OBSERVER)


def _right(user: str, resource: Resource, name: str, operation: Operation) -> Right:
    is_prefix = name.endswith(_EVERYBODY) and name != _EVERYBODY
    pattern = Pattern.PREFIXED if is_prefix else Pattern.LITERAL
    return Right(f"User:{user}", resource, name.removesuffix(_EVERYBODY) if is_prefix else name, pattern, operation)
