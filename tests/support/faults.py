"""Metrics that a healthy platform does not have, and the fault that creates them.

The tests cause each fault. Metrics that exist from the start need no entry.
"""

from __future__ import annotations

from collections.abc import Mapping

A_BACKUP_FAILS = "a backup that fails"
A_SERVICE_HANGS = "a service that does not answer"
A_CLIENT_EXCEEDS_THE_LIMIT = "a client that exceeds the rate limit"

_FAILED = 'outcome="SERVER_ERROR"'

# A metric, one of its labels, or a value of the label -> the fault.
ONLY_AFTER: Mapping[str, str] = {
    "ALERTS{service}": A_SERVICE_HANGS,
    'ALERTS{severity=~"critical|warning"}': A_SERVICE_HANGS,
    f"http_server_requests_seconds_count{{{_FAILED}}}": A_SERVICE_HANGS,
    f"spring_cloud_gateway_requests_seconds_count{{{_FAILED}}}": A_SERVICE_HANGS,
    'spring_cloud_gateway_requests_seconds_count{httpStatusCode="429"}': A_CLIENT_EXCEEDS_THE_LIMIT,
    "rofecare_backup_last_failure_timestamp_seconds": A_BACKUP_FAILS,
}
