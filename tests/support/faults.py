"""Names that a healthy platform does not tell, and the fault that makes it tell them.

The tests cause each of them. As short as can be: what is told from the start needs no entry here.
"""

from __future__ import annotations

from collections.abc import Mapping

A_BACKUP_FAILS = "a backup that fails"
A_SERVICE_HANGS = "a service that answers nobody"
SOMEBODY_ASKS_TOO_OFTEN = "somebody who asks too often"

_FAILED = 'outcome="SERVER_ERROR"'

# A metric, a label of one, or what is asked of the label -> what has to happen first.
ONLY_AFTER: Mapping[str, str] = {
    "ALERTS{service}": A_SERVICE_HANGS,
    'ALERTS{severity=~"critical|warning"}': A_SERVICE_HANGS,
    f"http_server_requests_seconds_count{{{_FAILED}}}": A_SERVICE_HANGS,
    f"spring_cloud_gateway_requests_seconds_count{{{_FAILED}}}": A_SERVICE_HANGS,
    'spring_cloud_gateway_requests_seconds_count{httpStatusCode="429"}': SOMEBODY_ASKS_TOO_OFTEN,
    "rofecare_backup_last_failure_timestamp_seconds": A_BACKUP_FAILS,
}
