#!/bin/bash
# Whether clients can use the server: the application's role is in order, and it accepts connections.
if [[ ! -e /run/postgresql/application-role.ready ]]; then
    reason=$(tail -n 1 /run/postgresql/application-role.log 2>/dev/null)
    echo "the role ${POSTGRES_APPLICATION_USER:-of the application} is not ready: ${reason:-the server is starting}"
    exit 1
fi
exec pg_isready -h 127.0.0.1 -U "${POSTGRES_USER:-postgres}" -d "${POSTGRES_DB:-postgres}"
