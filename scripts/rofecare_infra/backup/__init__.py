"""Backups of the platform: taken from snapshots, verified by a restore, restored beside and swapped in."""

from rofecare_infra.backup import metrics
from rofecare_infra.backup.journal import forget, is_interrupted
from rofecare_infra.backup.records import Backup, Manifest
from rofecare_infra.backup.recover import recover
from rofecare_infra.backup.restore import Restored, restore
from rofecare_infra.backup.safekeeping import (
    is_needed_before_removal,
    keep,
    refresh_metrics,
    take_reported,
    take_verified,
    verify_reported,
)
from rofecare_infra.backup.store import Entry, Store, store_of
from rofecare_infra.backup.take import described, take
from rofecare_infra.backup.unpack import unpack
from rofecare_infra.backup.verify import Verified, verify

__all__ = [
    "Backup",
    "Entry",
    "Manifest",
    "Restored",
    "Store",
    "Verified",
    "described",
    "forget",
    "is_interrupted",
    "is_needed_before_removal",
    "keep",
    "metrics",
    "recover",
    "refresh_metrics",
    "restore",
    "store_of",
    "take",
    "take_reported",
    "take_verified",
    "unpack",
    "verify",
    "verify_reported",
]
