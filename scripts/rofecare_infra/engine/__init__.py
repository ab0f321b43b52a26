"""The container engine through its SDK: answers become frozen records, failures become EngineError."""

from rofecare_infra.engine import reach
from rofecare_infra.engine.client import Engine, connect
from rofecare_infra.engine.context import selected as selected_context
from rofecare_infra.engine.lock import Holder, Lock, held_by_another, lock_of, locked, release, this_command
from rofecare_infra.engine.machine import Bridge, Machine, machine_of
from rofecare_infra.engine.nodes import LABEL_STACK, Facts, Membership, Node, facts_of
from rofecare_infra.engine.reach import Reach
from rofecare_infra.engine.records import (
    LABEL_CONFIG_FILES,
    LABEL_PROJECT,
    LABEL_SERVICE,
    LABEL_VOLUME,
    Container,
    Death,
    Image,
)
from rofecare_infra.engine.stack import StackEngine, wait_for_end
from rofecare_infra.engine.tasks import LABEL_DEFINITION, LABEL_IMAGE, LABEL_IMAGE_ID, definition_of, name_in_stack

__all__ = [
    "LABEL_CONFIG_FILES",
    "LABEL_DEFINITION",
    "LABEL_IMAGE",
    "LABEL_IMAGE_ID",
    "LABEL_PROJECT",
    "LABEL_SERVICE",
    "LABEL_STACK",
    "LABEL_VOLUME",
    "Bridge",
    "Container",
    "Death",
    "Engine",
    "Facts",
    "Holder",
    "Image",
    "Lock",
    "Machine",
    "Membership",
    "Node",
    "Reach",
    "StackEngine",
    "connect",
    "definition_of",
    "facts_of",
    "held_by_another",
    "lock_of",
    "locked",
    "machine_of",
    "name_in_stack",
    "reach",
    "release",
    "selected_context",
    "this_command",
    "wait_for_end",
]
