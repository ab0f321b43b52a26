#!/bin/sh
# Starts Redis with the password of its secret, which never appears in the arguments of a process.
#
#   REDIS_MAXMEMORY   the limit of the data set, for example 256mb; no limit when unset
set -eu

# On several machines, not on an empty volume of another node.
[ ! -e /run/rofecare/data-expected ] || sh /etc/rofecare/data-expected.sh /data/appendonlydir /data/dump.rdb

umask 077
{
    printf 'requirepass %s\n' "$(cat /run/secrets/redis_password)"
    if [ -n "${REDIS_MAXMEMORY:-}" ]; then
        # Keys that expire may be evicted; sessions without an expiry and the counters of rate limits stay.
        printf 'maxmemory %s\nmaxmemory-policy volatile-lru\n' "$REDIS_MAXMEMORY"
    fi
} >/tmp/redis.conf

exec redis-server /tmp/redis.conf --dir /data --appendonly yes --appendfsync everysec
