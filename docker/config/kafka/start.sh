#!/usr/bin/env bash
# Starts Kafka or ZooKeeper with the metrics agent in its JVM, if the image contains the agent. The option is set here
# and not in the container's environment: the tools that run beside the server would try to bind the same port.
set -euo pipefail

for agent in /usr/share/java/cp-base-new/jmx_prometheus_javaagent*.jar; do
    if [[ -f $agent ]]; then
        export KAFKA_OPTS="-javaagent:$agent=9404:/etc/metrics.yml ${KAFKA_OPTS:-}"
    fi
done

# The start script of the packaged image, or that of the upstream image.
exec "$(command -v docker-entrypoint.sh || echo /etc/confluent/docker/run)"
