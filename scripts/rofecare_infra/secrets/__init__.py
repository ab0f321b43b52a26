"""Secrets as files: made once, entered by nobody else, never shown."""

from rofecare_infra.secrets.files import (
    Inventory,
    create,
    inventory,
    problems,
    remove,
    tied_to_data,
)

__all__ = ["Inventory", "create", "inventory", "problems", "remove", "tied_to_data"]
