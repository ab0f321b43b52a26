#!/usr/bin/env bash
# Writes the shipper's own numbers down for Prometheus: node-exporter reads every *.prom file of the folder.
#
# rsyslog starts it and writes its statistics to it, a JSON object a line. It writes nothing back.
#
#   METRICS   the folder
set -euo pipefail
umask 022

readonly file=${METRICS:-/metrics}/log-shipper.prom aside=/spool/refused-twice.json

# What has not happened yet is there, too, as a nought: the first time is then an increase.
declare -A lines=([unreadable]=0 [refused]=0)
queue=0 discarded=0

# TEXT NAME: the number that this name has in the object.
number() {
    if [[ $1 =~ \"$2\":\ *([0-9]+) ]]; then printf '%s' "${BASH_REMATCH[1]}"; else printf 0; fi
}

write() {
    local result
    {
        printf '# TYPE rofecare_log_shipper_lines_total counter\n'
        for result in "${!lines[@]}"; do
            printf 'rofecare_log_shipper_lines_total{result="%s"} %s\n' "$result" "${lines[$result]}"
        done
        printf '# TYPE rofecare_log_shipper_discarded_total counter\n'
        printf 'rofecare_log_shipper_discarded_total %s\n' "$discarded"
        printf '# TYPE rofecare_log_shipper_queue_lines gauge\n'
        printf 'rofecare_log_shipper_queue_lines %s\n' "$queue"
        printf '# TYPE rofecare_log_shipper_refused_twice_bytes gauge\n'
        printf 'rofecare_log_shipper_refused_twice_bytes %s\n' "$(stat --format %s "$aside" 2>/dev/null || printf 0)"
    } >"$file.new"
    # At once: half a file would be an error of the reader's.
    mv "$file.new" "$file"
}

write
while read -r said; do
    case $said in
        *'"name": "lines"'* | *'"name":"lines"'*)
            for result in "${!lines[@]}"; do
                lines[$result]=$(number "$said" "$result")
            done
            write
            ;;
        *'"name": "ship"'* | *'"name":"ship"'*)
            queue=$(number "$said" size)
            discarded=$(($(number "$said" discarded.full) + $(number "$said" discarded.nf)))
            write
            ;;
    esac
done
