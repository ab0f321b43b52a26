#!/usr/bin/env bash
# Maintains the indices: installs the index template in Elasticsearch, and applies the retention of logs and traces.
#
#   keep.sh              repeats rounds until it is stopped; a round makes up for missed ones
#   keep.sh once [DAY]   one round, as if today were DAY (2026-12-31)
#
#   STORE         the address of Elasticsearch
#   LOGS_KEPT     the retention of log lines: 30d
#   TRACES_KEPT   the same for traces: 7d
#   KIBANA        the address of Kibana, which is optional
#   LOGS_SIZE     the maximum disk space of log lines: 8GB; the oldest days are deleted first, today's is kept
set -euo pipefail

readonly every=300 template=${TEMPLATE:-/etc/logs/template.json} objects=${OBJECTS:-/etc/kibana/logs.ndjson}

say() { printf 'log keeper: %s\n' "$*"; }

ask() { curl --silent --show-error --fail --max-time 30 "$@"; }

# All indices with their sizes in bytes: "logs-2026.12.31 4096", the oldest day first.
indices() {
    ask "$STORE/_cat/indices/$1?h=index,store.size&bytes=b&s=index&expand_wildcards=open,closed"
}

# The day in the name of an index, as 2026-12-31; empty if the name has none.
day_of() {
    if [[ $1 =~ ([0-9]{4})[.-]([0-9]{2})[.-]([0-9]{2})$ ]]; then
        printf '%s-%s-%s' "${BASH_REMATCH[@]:1}"
    fi
}

remove() {
    ask --output /dev/null --request DELETE "$STORE/$1"
    say "deleted $1: $2"
}

# PATTERN DAYS TODAY: deletes older days.
by_age() {
    local name day first found
    found=$(indices "$1")
    first=$(date --utc --date "$3 - ${2%d} days" +%F)
    while read -r name _; do
        day=$(day_of "$name")
        if [[ -n $day && $day < $first ]]; then
            remove "$name" "older than $2"
        fi
    done <<<"$found"
}

# PATTERN SIZE TODAY
by_size() {
    local name size found number total=0 limit=$((${2%GB} * 1024 ** 3))
    local -a names=() sizes=()
    found=$(indices "$1")
    while read -r name size; do
        if [[ -z $name ]]; then continue; fi
        names+=("$name")
        sizes+=("${size:-0}")
        total=$((total + ${size:-0}))
        # The oldest day first, regardless of the prefix.
    done < <(awk '{ day = $1; sub(/^.*-/, "", day); print day, $0 }' <<<"$found" | sort | cut -d ' ' -f 2-)
    for number in "${!names[@]}"; do
        if ((total <= limit)) || [[ $(day_of "${names[number]}") == "$3" ]]; then
            break
        fi
        remove "${names[number]}" "all of them took $total bytes, more than $2"
        total=$((total - sizes[number]))
    done
}

# Creates the data view and searches in Kibana unless they exist, so that changes by users are kept. If Kibana is not
# available, the next round tries again.
furnish() {
    if [[ -n ${KIBANA:-} ]] && curl --silent --fail --max-time 5 --output /dev/null "$KIBANA/api/status"; then
        ask --output /dev/null --header 'kbn-xsrf: true' --form "file=@$objects" "$KIBANA/api/saved_objects/_import" \
            || say "Kibana refused its data view and searches"
    fi
}

round() {
    local today=$1
    ask --output /dev/null --request PUT --header 'Content-Type: application/json' --data-binary "@$template" \
        "$STORE/_index_template/rofecare-logs"
    by_age 'logs-*' "$LOGS_KEPT" "$today"
    by_age 'zipkin-*' "$TRACES_KEPT" "$today"
    by_size 'logs-*' "$LOGS_SIZE" "$today"
    furnish
}

today() { date --utc +%F; }

if [[ ${1:-} == once ]]; then
    round "${2:-$(today)}"
    exit
fi

trap 'exit 0' TERM INT
while true; do
    # A separate process: `set -e` ends it at the first failure, and this loop continues.
    if output=$("${BASH_SOURCE[0]}" once 2>&1); then
        touch /tmp/kept
    else
        rm -f /tmp/kept
    fi
    if [[ -n $output ]]; then printf '%s\n' "$output" | tee /tmp/output; fi
    # If Elasticsearch was not available, try again soon.
    if [[ -e /tmp/kept ]]; then pause=$every; else pause=5; fi
    sleep "$pause" &
    wait $!
done
