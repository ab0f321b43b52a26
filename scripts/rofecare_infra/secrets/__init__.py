"""Secrets: files that are generated once, in a folder that only its owner can enter; tokens; password verifiers."""

from rofecare_infra.secrets.files import (
    Inventory,
    create,
    inventory,
    problems,
    remove,
    tied_to_data,
)
from rofecare_infra.secrets.owners import claim, is_record, others, release
from rofecare_infra.secrets.token import signed
from rofecare_infra.secrets.verifier import scram_verifier

__all__ = [
    "Inventory",
    "claim",
    "create",
    "inventory",
    "is_record",
    "others",
    "problems",
    "release",
    "remove",
    "scram_verifier",
    "signed",
    "tied_to_data",
]
