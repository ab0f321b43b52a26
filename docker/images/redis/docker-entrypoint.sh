#!/usr/bin/env bash
# Starts Redis or the given command. As in the official image, options or a settings file alone are arguments of
# redis-server, and a container that starts as root changes the owner of its volume and then its user to redis.
set -euo pipefail

if [[ ${1:-} == -* || ${1:-} == *.conf ]]; then
    set -- redis-server "$@"
fi

if [[ ${1:-} == redis-server || ${1:-} == redis-sentinel ]]; then
    if ((EUID == 0)); then
        find /data ! -user redis -exec chown redis:redis {} +
        exec setpriv --reuid=redis --regid=redis --init-groups -- "${BASH_SOURCE[0]}" "$@"
    fi
    # Files of the cache are readable by their owner only.
    umask 0077
fi

exec "$@"
