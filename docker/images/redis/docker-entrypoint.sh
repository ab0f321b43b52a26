#!/usr/bin/env bash
# Starts Redis, or whatever else is asked for. As in the official image, options or a settings file alone are meant
# for redis-server, and a container that starts as root gives its volume and itself to the user redis.
set -euo pipefail

if [[ ${1:-} == -* || ${1:-} == *.conf ]]; then
    set -- redis-server "$@"
fi

if [[ ${1:-} == redis-server || ${1:-} == redis-sentinel ]]; then
    if ((EUID == 0)); then
        find /data ! -user redis -exec chown redis:redis {} +
        exec setpriv --reuid=redis --regid=redis --init-groups -- "${BASH_SOURCE[0]}" "$@"
    fi
    # What is in the cache is nobody else's business.
    umask 0077
fi

exec "$@"
