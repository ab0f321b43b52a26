#!/usr/bin/env bash
# Health check of an application: succeeds when its readiness endpoint answers 200 and its own port is open. It needs
# neither curl nor a second JVM, and prints the answer, which the engine keeps.
#
#   SERVER_PORT               the port of the application
#   MANAGEMENT_...            the port and path of its management endpoints, as Spring Boot reads them
#   HEALTH_PORT, HEALTH_PATH  where readiness is, if these do not say it: the values of the labels com.rofecare.health.*
#
# For people, another management endpoint of the same port: ready.sh /actuator/metrics, or ready.sh /actuator/refresh POST

port=${HEALTH_PORT:-${MANAGEMENT_SERVER_PORT:-$SERVER_PORT}}
base=${MANAGEMENT_SERVER_BASE_PATH:-}${MANAGEMENT_ENDPOINTS_WEB_BASE_PATH:-/actuator}
path=${1:-${HEALTH_PATH:-${base%/}/health/readiness}}

# The open sockets; a container without IPv6 has no second file.
sockets=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)

is_open() {
    local hexadecimal
    printf -v hexadecimal %04X "$1"
    [[ $sockets =~ :$hexadecimal\ 0+:0000\ 0A ]]
}

# Fails, and says which other ports are open. Those of the loopback address, such as the engine's name server, do not count.
closed() {
    local local_address state others=()
    while read -r _ local_address _ state _; do
        if [[ $state == 0A && ! $local_address =~ (7F|0{24}01000000): ]]; then others+=("$((16#${local_address##*:}))"); fi
    done <<<"$sockets"
    echo "Connection refused: nothing listens on port $1${others:+, but on ${others[*]}}"
    exit 1
}

is_open "$port" || closed "$port"
# With a port of its own for management, readiness does not prove that the application itself can be reached.
is_open "${SERVER_PORT:-$port}" || closed "$SERVER_PORT (SERVER_PORT)"
exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
printf '%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n' "${2:-GET}" "$path" >&3
answer=$(cat <&3)
status=${answer%%$'\r'*}
body=${answer#*$'\r\n\r\n'}
if [[ $status != HTTP/1.?" 200"* ]]; then
    # The status line first.
    printf '%s from port %s, %s\n%s\n' "$status" "$port" "$path" "$body"
    exit 1
fi
printf '%s\n%s\n' "$status" "$body"
