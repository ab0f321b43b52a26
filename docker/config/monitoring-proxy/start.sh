#!/bin/sh
# Starts the proxy with what a client sends that knows the password.
set -eu

CREDENTIALS=$(printf 'admin:%s' "$(cat /run/secrets/monitoring_password)" | base64 | tr -d '\n')
export CREDENTIALS
exec caddy run --config /etc/caddy/Caddyfile --adapter caddyfile
