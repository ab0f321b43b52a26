#!/usr/bin/env bash
# Starts Kafka if KAFKA_ZOOKEEPER_CONNECT is set, one ZooKeeper if ZOOKEEPER_CLIENT_PORT is set, or the given command.
#
# Environment variables become properties by the rules of the upstream images:
#   KAFKA_A_B=x       a.b=x      (two underscores become an underscore of the property's name, three a hyphen)
#   ZOOKEEPER_A_B=x   aB=x       (with the exceptions in zookeeper_property)
# KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS, KAFKA_OPTS and KAFKA_JMX_OPTS are options of the JVM.
# KAFKA_LOG4J_ROOT_LOGLEVEL and KAFKA_LOG4J_LOGGERS (name=LEVEL,...), and the same with ZOOKEEPER_, set log levels.
# Files are written to /tmp only.
set -euo pipefail
# shellcheck source=jvm.sh
. /opt/kafka/jvm.sh

fail() {
    printf 'kafka image: %s\n' "$@" >&2
    exit 1
}

need_writable() {
    local folder
    for folder in "$@"; do
        [[ -d $folder && -w $folder ]] || fail "$folder is not writable for uid $(id -u)" \
            "expected: a volume that belongs to 1000:1000, or for /tmp a tmpfs"
    done
}

kafka_property() {
    local name=${1#KAFKA_}
    name=${name,,}
    name=${name//___/-}
    name=${name//__/:}
    name=${name//_/.}
    printf '%s' "${name//:/_}"
}

render_kafka() {
    local name
    for name in "${!KAFKA_@}"; do
        case $name in
            KAFKA_HEAP_OPTS | KAFKA_JVM_PERFORMANCE_OPTS | KAFKA_OPTS | KAFKA_JMX_OPTS | KAFKA_GC_LOG_OPTS) ;;
            KAFKA_LOG4J_* | KAFKA_TOOLS_LOG4J_LOGLEVEL | KAFKA_VERSION | KAFKA_DATA_DIRS | KAFKA_CUB_ZK_TIMEOUT) ;;
            # The only name that the rule cannot express.
            KAFKA_ZOOKEEPER_CLIENT_CNXN_SOCKET) printf 'zookeeper.clientCnxnSocket=%s\n' "${!name}" ;;
            *) printf '%s=%s\n' "$(kafka_property "$name")" "${!name}" ;;
        esac
    done
}

camel_case() {
    local -a words
    local word camel
    IFS=_ read -ra words <<<"${1,,}"
    camel=${words[0]}
    for word in "${words[@]:1}"; do
        camel+=${word^}
    done
    printf '%s' "$camel"
}

zookeeper_property() {
    local name=${1#ZOOKEEPER_}
    case $name in
        4LW_COMMANDS_WHITELIST) printf '4lw.commands.whitelist' ;;
        ADMIN_COMMAND_URL) printf 'admin.commandURL' ;;
        ADMIN_*) printf 'admin.%s' "$(camel_case "${name#ADMIN_}")" ;;
        AUTH_PROVIDER_*) printf 'authProvider.%s' "$(camel_case "${name#AUTH_PROVIDER_}")" ;;
        AUTOPURGE_*) printf 'autopurge.%s' "$(camel_case "${name#AUTOPURGE_}")" ;;
        CLIENT_PORT_UNIFICATION) printf 'client.portUnification' ;;
        FSYNC_WARNING_THRESHOLDMS) printf 'fsync.warningthresholdms' ;;
        JUTE_MAX_BUFFER) printf 'jute.maxbuffer' ;;
        SKIP_ACL) printf 'skipACL' ;;
        *) camel_case "$name" ;;
    esac
}

render_zookeeper() {
    local name
    printf 'dataDir=/var/lib/zookeeper/data\ndataLogDir=/var/lib/zookeeper/log\n'
    for name in "${!ZOOKEEPER_@}"; do
        case $name in
            ZOOKEEPER_LOG4J_* | ZOOKEEPER_TOOLS_LOG4J_LOGLEVEL) ;;
            # Fail rather than start without what was asked for.
            ZOOKEEPER_SSL_* | ZOOKEEPER_SECURE_*) fail "$name: TLS for ZooKeeper needs the upstream image" ;;
            ZOOKEEPER_SERVER_ID | ZOOKEEPER_SERVERS | ZOOKEEPER_GROUPS | ZOOKEEPER_WEIGHTS)
                fail "$name: an ensemble of ZooKeeper servers needs the upstream image"
                ;;
            *) printf '%s=%s\n' "$(zookeeper_property "$name")" "${!name}" ;;
        esac
    done
}

# ROOT_LEVEL "name=LEVEL,name=LEVEL"
render_log() {
    local logger
    local -a loggers
    printf 'log4j.rootLogger=%s, stdout\n' "$1"
    cat "$home/log4j.properties"
    IFS=, read -ra loggers <<<"$2"
    for logger in "${loggers[@]}"; do
        printf 'log4j.logger.%s\n' "$logger"
    done
}

# Writes its input to a file that only its owner can read: settings may contain passwords.
write_settings() { (umask 0077 && cat >"$1"); }

# HEAP CLASS FILE: runs a server with the JVM options of the environment, or with defaults for a small machine.
run_server() {
    local -a options
    read -ra options <<<"${KAFKA_HEAP_OPTS:-$1} ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC} \
${KAFKA_JMX_OPTS:-} ${KAFKA_GC_LOG_OPTS:-} ${KAFKA_OPTS:-}"
    run_java "${options[@]}" -Dlog4j.configuration=file:/tmp/log4j.properties "$2" "$3"
}

start_kafka() {
    [[ -n ${KAFKA_ADVERTISED_LISTENERS:-} ]] || fail "KAFKA_ADVERTISED_LISTENERS is not set: the addresses for clients"
    export KAFKA_LOG_DIRS=${KAFKA_LOG_DIRS:-/var/lib/kafka/data}
    if [[ -z ${KAFKA_LISTENERS:-} ]]; then
        # The same ports on all addresses.
        KAFKA_LISTENERS=$(sed -E 's,://[^:]*:,://0.0.0.0:,g' <<<"$KAFKA_ADVERTISED_LISTENERS")
        export KAFKA_LISTENERS
    fi
    local -a folders
    IFS=, read -ra folders <<<"$KAFKA_LOG_DIRS"
    need_writable /tmp "${folders[@]}"
    render_log "${KAFKA_LOG4J_ROOT_LOGLEVEL:-INFO}" "${KAFKA_LOG4J_LOGGERS:-}" | write_settings /tmp/log4j.properties
    render_kafka | write_settings /tmp/kafka.properties
    run_server '-Xms256m -Xmx512m' kafka.Kafka /tmp/kafka.properties
}

start_zookeeper() {
    need_writable /tmp /var/lib/zookeeper/data /var/lib/zookeeper/log
    # The image does not contain the libraries of the admin web server; loading it would log a stack trace at each start.
    export ZOOKEEPER_ADMIN_ENABLE_SERVER=${ZOOKEEPER_ADMIN_ENABLE_SERVER:-false}
    render_log "${ZOOKEEPER_LOG4J_ROOT_LOGLEVEL:-INFO}" "${ZOOKEEPER_LOG4J_LOGGERS:-}" | write_settings /tmp/log4j.properties
    render_zookeeper | write_settings /tmp/zookeeper.properties
    run_server '-Xms64m -Xmx128m' org.apache.zookeeper.server.quorum.QuorumPeerMain /tmp/zookeeper.properties
}

if (($# > 0)); then
    exec "$@"
elif [[ -n ${KAFKA_ZOOKEEPER_CONNECT:-} && -n ${ZOOKEEPER_CLIENT_PORT:-} ]]; then
    fail "KAFKA_ZOOKEEPER_CONNECT starts Kafka and ZOOKEEPER_CLIENT_PORT starts ZooKeeper; set only one of them"
elif [[ -n ${KAFKA_ZOOKEEPER_CONNECT:-} ]]; then
    start_kafka
elif [[ -n ${ZOOKEEPER_CLIENT_PORT:-} ]]; then
    start_zookeeper
else
    fail "set KAFKA_ZOOKEEPER_CONNECT to start Kafka, or ZOOKEEPER_CLIENT_PORT to start ZooKeeper"
fi
