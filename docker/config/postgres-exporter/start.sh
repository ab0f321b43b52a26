#!/bin/sh
# Starts the exporter for all databases. The password reaches it through a file that only its user can read.
set -eu

umask 077
cat >/tmp/postgres_exporter.yml <<SETTINGS
auth_modules:
  monitoring:
    type: userpass
    userpass: {username: rofecare_monitoring, password: "$(cat /run/secrets/monitoring_db_password)"}
    options: {sslmode: disable, connect_timeout: "4"}
SETTINGS

exec /bin/postgres_exporter --config.file=/tmp/postgres_exporter.yml --collector.long_running_transactions \
    --collector.database_wraparound --no-collector.replication_slot --no-collector.replication
