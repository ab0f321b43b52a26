"""Metrics that a healthy platform of development does not have, and the fault that creates them.

The tests cause each fault. Metrics that exist from the start need no entry.
"""

from __future__ import annotations

from collections.abc import Mapping

A_BACKUP_FAILS = "a backup that fails"
A_SERVICE_HANGS = "a service that does not answer"
A_CLIENT_EXCEEDS_THE_LIMIT = "a client that exceeds the rate limit"
# No fault: tests/engine/test_certificates.py reads it from the exporter.
A_FRONT_WITH_TLS = "production with TLS"

_FAILED = 'outcome="SERVER_ERROR"'

# A metric, one of its labels, or a value of the label -> the fault.
ONLY_AFTER: Mapping[str, str] = {
    "ALERTS{service}": A_SERVICE_HANGS,
    'ALERTS{severity=~"critical|warning"}': A_SERVICE_HANGS,
    f"http_server_requests_seconds_count{{{_FAILED}}}": A_SERVICE_HANGS,
    f"spring_cloud_gateway_requests_seconds_count{{{_FAILED}}}": A_SERVICE_HANGS,
    'spring_cloud_gateway_requests_seconds_count{httpStatusCode="429"}': A_CLIENT_EXCEEDS_THE_LIMIT,
    "probe_ssl_earliest_cert_expiry": A_FRONT_WITH_TLS,
    "probe_ssl_earliest_cert_expiry{job}": A_FRONT_WITH_TLS,
    'probe_ssl_earliest_cert_expiry{job="certificate"}': A_FRONT_WITH_TLS,
    "rofecare_backup_last_failure_timestamp_seconds": A_BACKUP_FAILS,
}
