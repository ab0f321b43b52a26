#!/usr/bin/env bash
# Writes the lag of each consumer group to a file once a minute; node-exporter exports it.
#
# The lag is measured by the offsets committed at the broker. The metrics of a consumer do not count the messages that it
# has fetched but not processed: a consumer that hangs would appear idle.
set -euo pipefail

file=$1
broker=$2
login=()

# In production, the user `monitoring` may read offsets, and no message. The password is in a file that only this user can
# read, and in no argument.
if [[ ${SECURITY_PROTOCOL:-PLAINTEXT} == SASL_PLAINTEXT ]]; then
    login=(--command-config /tmp/login.properties)
    (umask 0077 && cat >"${login[1]}") <<EOF
security.protocol=SASL_PLAINTEXT
sasl.mechanism=PLAIN
sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
    username="monitoring" password="$(</run/secrets/monitoring_kafka_password)";
EOF
fi

waiting() {
    printf '# TYPE kafka_consumergroup_lag gauge\n'
    # Columns: group, topic, partition, committed offset, end offset, lag. The lag of headings, and of groups that never
    # committed an offset, is not a number.
    while read -r group topic partition _ _ lag _; do
        [[ ${lag:-} =~ ^[0-9]+$ ]] || continue
        printf 'kafka_consumergroup_lag{consumergroup="%s",topic="%s",partition="%s"} %s\n' \
            "$group" "$topic" "$partition" "$lag"
    done
}

while true; do
    # If the broker does not answer, the file is not updated, and an alert reports its age.
    if answer=$(kafka-consumer-groups --bootstrap-server "$broker" --timeout 20000 --all-groups --describe --offsets "${login[@]}"); then
        waiting <<<"$answer" >"$file.new"
        mv "$file.new" "$file"
    fi
    touch /tmp/tried
    sleep 60
done
