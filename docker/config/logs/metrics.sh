#!/usr/bin/env bash
# Writes the shipper's metrics for Prometheus: node-exporter reads every *.prom file of the folder.
#
# rsyslog starts this script and writes its statistics to it, one JSON object per line. The script writes nothing back.
#
#   METRICS   the folder
set -euo pipefail
umask 022

readonly file=${METRICS:-/metrics}/log-shipper.prom aside=/spool/refused-twice.json

# Counters start at zero, so that the first event is an increase.
declare -A lines=([unreadable]=0 [refused]=0)
queue=0 discarded=0

# TEXT NAME: the value of this name in the object.
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
    # Atomically: the reader would report a partial file as an error.
    mv "$file.new" "$file"
}

write
while read -r line; do
    case $line in
        *'"name": "lines"'* | *'"name":"lines"'*)
            for result in "${!lines[@]}"; do
                lines[$result]=$(number "$line" "$result")
            done
            write
            ;;
        *'"name": "ship"'* | *'"name":"ship"'*)
            queue=$(number "$line" size)
            discarded=$(($(number "$line" discarded.full) + $(number "$line" discarded.nf)))
            write
            ;;
    esac
done
