#!/usr/bin/env bash
# Executes Zipkin or the given command. JAVA_OPTS goes to the JVM, as in the official image.
set -euo pipefail

if (($# > 0)); then
    exec "$@"
fi

read -ra options <<<"${JAVA_OPTS:--Xms64m -Xmx64m}"
# exec: the JVM becomes the process that the engine's signals go to.
exec java -XX:+UseSerialGC "${options[@]}" -cp '/zipkin/BOOT-INF/classes:/zipkin/BOOT-INF/lib/*' zipkin.server.ZipkinServer
