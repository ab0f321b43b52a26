#!/usr/bin/env bash
# Starts Kafka or ZooKeeper with the metrics agent in its JVM, if the image contains the agent. The option is set here
# and not in the container's environment: the tools that run beside the server would try to bind the same port.
set -euo pipefail

# Each file of this folder is a user of Kafka: its name, and in it the password.
readonly users=/run/secrets/kafka-users
# The user of the broker itself, which may do everything.
readonly broker=kafka

password_of() {
    local password
    password=$(<"$users/$1")
    # What could end the quoted string in the configuration below.
    [[ $password == +([[:alnum:]_.~+/=-]) ]] || {
        printf '%s is empty, or contains other characters than A-Z a-z 0-9 _ . ~ + / = -\n' "$users/$1" >&2
        exit 1
    }
    printf '%s' "$password"
}

# The configuration of the listener is a file that only this user can read. The broker replaces the reference to it: no
# password is in the environment, in an argument or in the file of its properties.
require_login() {
    local name line password
    password=$(password_of "$broker")
    line="org.apache.kafka.common.security.plain.PlainLoginModule required username=\"$broker\" password=\"$password\""
    for name in "$users"/*; do
        name=${name##*/}
        password=$(password_of "$name")
        line+=" user_$name=\"$password\""
    done
    (umask 0077 && printf 'users=%s;\n' "$line" >/tmp/users.properties)
    export KAFKA_CONFIG_PROVIDERS=file
    export KAFKA_CONFIG_PROVIDERS_FILE_CLASS=org.apache.kafka.common.config.provider.FileConfigProvider
    # shellcheck disable=SC2016 # for the broker
    export KAFKA_LISTENER_NAME_INTERNAL_PLAIN_SASL_JAAS_CONFIG='${file:/tmp/users.properties:users}'
    export KAFKA_LISTENER_NAME_INTERNAL_SASL_ENABLED_MECHANISMS=PLAIN
    export KAFKA_SASL_MECHANISM_INTER_BROKER_PROTOCOL=PLAIN
    # What is not granted is refused.
    export KAFKA_AUTHORIZER_CLASS_NAME=kafka.security.authorizer.AclAuthorizer
    export KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND=false
    export KAFKA_SUPER_USERS=User:$broker
}

# On several machines, not on an empty volume of another node. ZooKeeper's snapshots are of no use without its log.
if [[ -n ${KAFKA_ZOOKEEPER_CONNECT:-} ]]; then
    parts=(/var/lib/kafka/data/meta.properties)
else
    parts=(/var/lib/zookeeper/data/version-2 /var/lib/zookeeper/log/version-2)
fi
for part in "${parts[@]}"; do
    [[ ! -e /run/rofecare/data-expected ]] || bash /etc/rofecare/data-expected.sh "$part"
done

shopt -s extglob
if [[ ${KAFKA_LISTENER_SECURITY_PROTOCOL_MAP:-} == *INTERNAL:SASL_PLAINTEXT* ]]; then
    require_login
fi

for agent in /usr/share/java/cp-base-new/jmx_prometheus_javaagent*.jar; do
    if [[ -f $agent ]]; then
        export KAFKA_OPTS="-javaagent:$agent=9404:/etc/metrics.yml ${KAFKA_OPTS:-}"
    fi
done

# The start script of the packaged image, or that of the upstream image.
exec "$(command -v docker-entrypoint.sh || echo /etc/confluent/docker/run)"
