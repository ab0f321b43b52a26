#!/bin/bash
# Makes the application's role what it has to be: able to log in with its password, owner of its database and of
# everything in it, and without access to the other databases of the server.
#
# Runs at each start of the server, and after a restore with the name of the restored database. It changes only what
# differs, and can run at any time. Its environment: POSTGRES_APPLICATION_USER, POSTGRES_APPLICATION_PASSWORD_FILE, and
# the variables of the image.
#
# The password is set at the start alone: a running container does not see that the file of a secret was replaced.
set -euo pipefail

readonly role=$POSTGRES_APPLICATION_USER administrator=${POSTGRES_USER:-postgres} restored=${1:-}
readonly database=${restored:-${POSTGRES_DB:-$administrator}}
readonly scripts=/etc/rofecare
# How psql ends where it cannot connect.
readonly no_connection=2

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

[[ $role != "$administrator" ]] || fail "POSTGRES_APPLICATION_USER is $role, the administrator: set another name"
[[ -r ${POSTGRES_APPLICATION_PASSWORD_FILE:-} ]] || fail "POSTGRES_APPLICATION_PASSWORD_FILE names no readable file"
password=$(<"$POSTGRES_APPLICATION_PASSWORD_FILE")
[[ -n $password ]] || fail "$POSTGRES_APPLICATION_PASSWORD_FILE is empty"

# The application decides on the settings of its database, and on what the names in it mean. Sessions of the
# administrator must not depend on either. Nothing is lost if the last changes are not on the disk after a power cut:
# they are made again at the next start.
options="-c role=none -c search_path= -c session_preload_libraries= -c local_preload_libraries="
options+=" -c default_transaction_read_only=off -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
options+=" -c idle_session_timeout=0 -c lock_timeout=10s -c synchronous_commit=off -c standard_conforming_strings=on"
options+=" -c quote_all_identifiers=off -c client_min_messages=warning -c lc_messages=C -c jit=off"
if (($(<"$PGDATA/PG_VERSION") >= 17)); then
    options+=" -c event_triggers=off -c transaction_timeout=0"
fi
# Without an encoding, names are passed on as they are.
export PGOPTIONS=$options PGUSER=$administrator PGCLIENTENCODING=SQL_ASCII LC_ALL=C
if [[ -r ${POSTGRES_PASSWORD_FILE:-} ]]; then
    PGPASSWORD=$(<"$POSTGRES_PASSWORD_FILE")
    export PGPASSWORD
fi


# One session for all. psql computes the verifier of the password, so that the server never sees it; without a terminal it
# reads it from its input.
apply() {
    printf '%s\n%s\n' "$password" "$password" |
        setsid psql --no-psqlrc --quiet --no-align --tuples-only --no-password --echo-errors --dbname="$1" \
            --set=role="$role" --set=database="$database" \
            --set=owned="$(<"$scripts/owned-by-administrator.sql")" \
            --set=restored="$([[ -n $restored ]] && echo on || echo off)" --file="$scripts/application-role.sql" 2>&1
}

# The last line of the output is the number of objects that are not handed over. Each is handed over in a transaction of
# its own: the table of locks has no room for thousands in one. One that is locked or dropped meanwhile fails alone; all
# that are left are tried again, as long as they become fewer.
left=
while
    before=$left status=0
    found=$(apply "$database") || status=$?
    left=${found##*$'\n'}
    ((status != 0 || left != 0))
do
    # A database that an interrupted restore blocks is handed over when the restore is complete.
    ((status != no_connection)) || { apply template1 >/dev/null && exit 0; }
    # The first error, and the statement that failed.
    reason=$(grep -m 2 -oE '(ERROR|FATAL|STATEMENT): .*' <<<"$found" | tr -s '\n ' ' ') || reason=$left
    ((status == 0)) || fail "$reason"
    [[ -z $before ]] || ((left < before)) || fail "not handed over in $database: $left objects; $reason"
done
