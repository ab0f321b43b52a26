#!/usr/bin/env bash
# Writes down, once a minute, how many messages wait for each group of consumers; the host's exporter tells it.
#
# By what the groups have acknowledged at the broker. What a consumer tells of itself leaves out all that it has fetched
# and not worked on yet: one that hangs seems to have nothing to do.
set -euo pipefail

file=$1
broker=$2

waiting() {
    printf '# TYPE kafka_consumergroup_lag gauge\n'
    # Columns: group, topic, partition, acknowledged, written, what lies between; headings and groups that never
    # acknowledged anything have no number there.
    while read -r group topic partition _ _ lag _; do
        [[ ${lag:-} =~ ^[0-9]+$ ]] || continue
        printf 'kafka_consumergroup_lag{consumergroup="%s",topic="%s",partition="%s"} %s\n' \
            "$group" "$topic" "$partition" "$lag"
    done
}

while true; do
    # A broker that does not answer leaves the file as old as it is, and an alert tells of that.
    if answer=$(kafka-consumer-groups --bootstrap-server "$broker" --timeout 20000 --all-groups --describe --offsets); then
        waiting <<<"$answer" >"$file.new"
        mv "$file.new" "$file"
    fi
    touch /tmp/tried
    sleep 60
done
