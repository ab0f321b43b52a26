#!/usr/bin/env bash
# Executes Elasticsearch or the given command.
#
# As in the official image, a variable with a dot in its name is a setting (discovery.type=single-node), and
# ES_JAVA_OPTS goes to the JVM. Settings of modules that this image does not contain are removed, because
# the server does not start with an unknown setting.
set -euo pipefail

if (($# > 0)); then
    exec "$@"
fi

readonly home=/usr/share/elasticsearch
[[ -w $home/data ]] || {
    printf 'elasticsearch image: %s/data is not writable for uid %s\n' "$home" "$(id -u)" >&2
    printf 'expected: a volume that belongs to 1000, or to group 0\n' >&2
    exit 1
}

settings=()
while IFS= read -r -d '' entry; do
    name=${entry%%=*}
    if [[ $name =~ ^[a-z0-9_]+(\.[a-z0-9_]+)+$ && $name != xpack.* && $name != ingest.* ]]; then
        settings+=("-E$entry")
    fi
done < <(env --null)

# Native code is unpacked here, and has to be mapped for execution.
scratch=$(mktemp --directory "${TMPDIR:-/tmp}/elasticsearch.XXXXXX")
export LIBFFI_TMPDIR=$scratch

read -ra options <<<"${ES_JAVA_OPTS:--Xms384m -Xmx384m}"
# exec: the JVM becomes the process that the engine's signals go to.
exec java "@$home/config/jvm.options" "${options[@]}" -Djava.io.tmpdir="$scratch" \
    -Des.path.home="$home" -Des.path.conf="$home/config" -cp "$home/lib/*" \
    org.elasticsearch.bootstrap.Elasticsearch "${settings[@]}"
