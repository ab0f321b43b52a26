"""Backups of the platform: taken from snapshots, verified by a restore, restored beside and swapped in."""

from rofecare_infra.backup.records import Backup, Manifest
from rofecare_infra.backup.store import Entry, Store, store_of
from rofecare_infra.backup.take import described, take
from rofecare_infra.backup.verify import Verified, verify

__all__ = ["Backup", "Entry", "Manifest", "Store", "Verified", "described", "store_of", "take", "verify"]
