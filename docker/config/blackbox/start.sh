#!/bin/sh
# Starts the exporter with blackbox.yml, in which TLS_HOST is the setting of that name.
set -eu

sed "s/\"TLS_HOST\"/\"${TLS_HOST:-}\"/" /etc/blackbox/blackbox.yml >/tmp/blackbox.yml

exec /bin/blackbox_exporter --config.file=/tmp/blackbox.yml
