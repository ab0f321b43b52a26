"""Names that a healthy platform does not tell, and the fault that makes it tell them.

As short as can be: what is told from the start needs no entry here.
"""

from __future__ import annotations

from collections.abc import Mapping

# A metric, or a label of one -> what has to happen first.
ONLY_AFTER: Mapping[str, str] = {
    "ALERTS{service}": "any alert about a service",
    "rofecare_backup_last_failure_timestamp_seconds": "a backup that fails",
}
