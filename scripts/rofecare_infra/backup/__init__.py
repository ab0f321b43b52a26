"""Backups of the platform: taken from snapshots, verified, restored, and removed by the retention."""

from rofecare_infra.backup.completeness import require_complete
from rofecare_infra.backup.extent import Accepted
from rofecare_infra.backup.extras import unpack
from rofecare_infra.backup.identity import forget as forget_identity
from rofecare_infra.backup.journal import forget, is_interrupted
from rofecare_infra.backup.key import file_of as key_file_of
from rofecare_infra.backup.key import make as make_key
from rofecare_infra.backup.manifest import Backup, DatabaseRecord, Manifest
from rofecare_infra.backup.recover import recover
from rofecare_infra.backup.restore import Restored, restore
from rofecare_infra.backup.routine import (
    is_needed_before_removal,
    refresh_metrics,
    retain_and_copy,
    take_before_removal,
    take_last,
    take_reported,
    take_verified,
    verify_reported,
)
from rofecare_infra.backup.server import database_services
from rofecare_infra.backup.store import Entry, Store, store_of
from rofecare_infra.backup.take import describe, take
from rofecare_infra.backup.target import in_mode_of_backup
from rofecare_infra.backup.verify import Verified, verify

__all__ = [
    "Accepted",
    "Backup",
    "DatabaseRecord",
    "Entry",
    "Manifest",
    "Restored",
    "Store",
    "Verified",
    "database_services",
    "describe",
    "forget",
    "forget_identity",
    "in_mode_of_backup",
    "is_interrupted",
    "is_needed_before_removal",
    "key_file_of",
    "make_key",
    "recover",
    "refresh_metrics",
    "require_complete",
    "restore",
    "retain_and_copy",
    "store_of",
    "take",
    "take_before_removal",
    "take_last",
    "take_reported",
    "take_verified",
    "unpack",
    "verify",
    "verify_reported",
]
