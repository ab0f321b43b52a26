#!/bin/sh
# Starts Prometheus with prometheus.yml, and with the applications that are not listed there, or listed at another port.
#
#   MONITORED_APPLICATIONS  name:port,path of readiness,path of metrics; separated by blanks. The tasks take them from the
#                           labels of the services.
set -euf

config=/etc/prometheus/prometheus.yml
if [ -n "${MONITORED_APPLICATIONS:-}" ]; then
    script=
    for one in $MONITORED_APPLICATIONS; do
        address=${one%%,*} paths=${one#*,}
        name=${address%%:*} port=${address##*:} readiness=${paths%%,*} metrics=${paths##*,}
        script="$script
/names: \\[$name\\]/d
\\|- http://$name:|d
/# start.sh: metrics/a\\
      - {names: [$name], type: A, port: $port, refresh_interval: 15s}
/# start.sh: paths/a\\
      - {source_labels: [__meta_dns_name], regex: $name, target_label: __metrics_path__, replacement: $metrics}
/# start.sh: readiness/a\\
          - http://$address$readiness"
    done
    sed "$script" "$config" >/tmp/prometheus.yml
    config=/tmp/prometheus.yml
fi

exec /bin/prometheus --config.file="$config" "$@"
