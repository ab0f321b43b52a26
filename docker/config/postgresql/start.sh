#!/bin/bash
# Starts the server, and beside it what puts the application's role in order. The health check waits for its end.
set -u

# On several machines, not on an empty volume of another node.
[[ ! -e /run/rofecare/data-expected ]] || bash /etc/rofecare/data-expected.sh "$PGDATA/PG_VERSION" || exit 1

readonly folder=/run/postgresql
rm -f "$folder"/application-role.*

# The temporary server of the first start listens on the socket only. An earlier server that was killed has left its file.
is_ready() {
    { exec 4<>/dev/tcp/127.0.0.1/5432; } 2>/dev/null || return 1
    exec 4>&-
    mapfile -t lines 2>/dev/null <"$PGDATA/postmaster.pid" && [[ ${lines[7]:-} == ready* ]]
}

# A failure is repeated: another session may hold a lock.
prepare_role() {
    # Without a process for each look: eight servers start at once.
    exec 3<> <(:)
    until is_ready; do
        read -r -t 0.1 -u 3
    done
    until bash /etc/rofecare/application-role.sh >"$folder/application-role.log" 2>&1; do
        sed 's/^/application role: /' "$folder/application-role.log" >&2
        read -r -t 2 -u 3
    done
    touch "$folder/application-role.ready"
}

if [[ -n ${POSTGRES_APPLICATION_USER:-} ]]; then
    # Two levels, so that process 1 of the container adopts it, and not the server.
    (prepare_role &)
else
    touch "$folder/application-role.ready"
fi

# Who may connect, in production; otherwise, and in a database of the site without this file, as the data folder says.
if [[ ${1:-} == postgres && -e /etc/postgresql/production-hba.conf ]]; then
    set -- "$@" -c hba_file=/etc/postgresql/production-hba.conf
fi

exec docker-entrypoint.sh "$@"
