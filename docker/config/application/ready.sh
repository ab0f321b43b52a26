#!/usr/bin/env bash
# Health check of an application: succeeds when its readiness endpoint answers 200. It needs neither curl nor a second
# JVM, and prints the answer, which the engine keeps.
#
#   SERVER_PORT   the port of the application

if ! { exec 3<>"/dev/tcp/127.0.0.1/$SERVER_PORT"; } 2>/dev/null; then
    echo "Connection refused: nothing listens on port $SERVER_PORT"
    exit 1
fi
printf 'GET /actuator/health/readiness HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
answer=$(cat <&3)
# The status line, and the body.
printf '%s\n%s\n' "${answer%%$'\r'*}" "${answer##*$'\n'}"
[[ $answer == HTTP/1.?" 200"* ]]
