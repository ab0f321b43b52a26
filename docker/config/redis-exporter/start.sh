#!/bin/sh
# Starts the exporter for Redis. The password reaches it through a file that only its user can read.
set -eu

umask 077
printf '{"redis://redis:6379": "%s"}' "$(cat /run/secrets/redis_password)" >/tmp/passwords.json

exec /redis_exporter -redis.addr redis://redis:6379 -redis.password-file /tmp/passwords.json
