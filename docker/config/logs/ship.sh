#!/usr/bin/env bash
# Runs the log shipper, and kills it when the container is asked to stop. An orderly stop while the store is unreachable
# discards the lines that are being sent ("some data may be lost"); after a kill they are still in the queue on disk.
set -euo pipefail

rsyslogd -n -iNONE -f /etc/logs/rsyslog.conf &
trap 'kill -KILL $!; exit 0' TERM INT
wait $!
