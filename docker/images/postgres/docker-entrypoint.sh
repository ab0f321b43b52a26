#!/usr/bin/env bash
# Creates the database in an empty volume, then executes the server.
#
# Environment, as the official image has it: POSTGRES_DB, POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_INITDB_ARGS (each
# also as ..._FILE, the name of a file that holds the value), POSTGRES_HOST_AUTH_METHOD, PGDATA. Files in
# /docker-entrypoint-initdb.d run once, in the order of their names: *.sh, *.sql, *.sql.gz.
#
# A new cluster is built in a folder beside its final place and moved there when all of it is done, its PG_VERSION
# last. A container that is killed during this leaves no cluster instead of a partial one, and the next start repeats
# it. A failure exits with code 1 and a message that names the remedy.
set -euo pipefail
shopt -s nullglob

readonly sockets=/var/run/postgresql
readonly scripts=/docker-entrypoint-initdb.d

say() { printf 'postgres image: %s\n' "$*"; }

fail() {
    printf 'postgres image: %s\n' "$@" >&2
    exit 1
}

# Puts the setting NAME, or the contents of the file that NAME_FILE names, or DEFAULT, into the variable NAME.
read_setting() {
    local name=$1 default=${2:-} file_name=${1}_FILE
    local file=${!file_name:-}
    if [[ -n ${!name:-} && -n $file ]]; then
        fail "$name and $file_name are both set; set one of them"
    elif [[ -n $file ]]; then
        [[ -r $file ]] || fail "$file_name names $file, which uid $(id -u) cannot read"
        printf -v "$name" '%s' "$(<"$file")"
    else
        printf -v "$name" '%s' "${!name:-$default}"
    fi
    unset "$file_name"
}

read_settings() {
    read_setting POSTGRES_USER postgres
    read_setting POSTGRES_DB "$POSTGRES_USER"
    read_setting POSTGRES_PASSWORD
    read_setting POSTGRES_INITDB_ARGS
    POSTGRES_HOST_AUTH_METHOD=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    if [[ -z $POSTGRES_PASSWORD && $POSTGRES_HOST_AUTH_METHOD != trust ]]; then
        fail "a new database needs a password for its superuser; set POSTGRES_PASSWORD_FILE (or POSTGRES_PASSWORD)"
    fi
    if [[ $POSTGRES_HOST_AUTH_METHOD == trust ]]; then
        say "warning: POSTGRES_HOST_AUTH_METHOD=trust accepts every client without a password"
    fi
    # Scripts of the volume's first start may use them.
    export POSTGRES_USER POSTGRES_DB POSTGRES_PASSWORD PGPASSWORD=$POSTGRES_PASSWORD
}

# Root only prepares what may not belong to the server's user yet; the server refuses to run as root.
become_postgres() {
    mkdir -p "$PGDATA" "$sockets"
    find "$PGDATA" "$sockets" ! -user postgres -exec chown postgres:postgres {} +
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "${BASH_SOURCE[0]}" "$@"
}

prepare_folders() {
    mkdir -p "$PGDATA" "$sockets" 2>/dev/null || true
    local folder
    for folder in "$PGDATA" "$sockets"; do
        [[ -d $folder && -w $folder ]] || fail "$folder is not writable for uid $(id -u)" \
            "expected: a volume that belongs to 999:999; where the root is read-only a tmpfs at /run/postgresql, or at" \
            "/run with the option mode=1777 (without it a tmpfs belongs to root)"
    done
}

check_version() {
    local found wanted
    found=$(<"$PGDATA/PG_VERSION")
    wanted=$(postgres --version | grep -oE '[0-9]+' | head -n 1)
    [[ $found == "$wanted" ]] || fail "the volume holds a cluster of PostgreSQL $found, and this is $wanted" \
        "next: dump it with an image of PostgreSQL $found and restore it into an empty volume"
}

# Files in PGDATA that this script did not create, and lost+found, must not be touched.
discard_unfinished() {
    local found
    if [[ -d $unfinished ]]; then
        say "an earlier first start was interrupted; starting over"
        find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -exec rm -rf -- {} +
    fi
    found=$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -printf '%f ')
    [[ -z $found ]] || fail "$PGDATA holds no database but is not empty: $found" \
        "next: mount an empty volume, or one that holds a database"
}

make_cluster() {
    local -a options
    # Quotes in the setting are interpreted as by a shell, as in the official image.
    eval "options=($POSTGRES_INITDB_ARGS)"
    if [[ $POSTGRES_HOST_AUTH_METHOD == trust ]]; then
        options=(--auth-host=trust "${options[@]}")
    else
        options=(--auth-host=scram-sha-256 "${options[@]}")
    fi
    say "making the database $POSTGRES_DB"
    mkdir -m 0700 "$unfinished"
    # The user's options come last and take precedence. Syncing to disk is done once, at the end; standard output, which
    # warns about that, is discarded, and errors appear on standard error.
    initdb --pgdata="$unfinished" --no-sync --username="$POSTGRES_USER" --auth-local=trust \
        ${POSTGRES_PASSWORD:+--pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")} "${options[@]}" >/dev/null
    printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$unfinished/pg_hba.conf"
}

run_sql() { psql --quiet --no-psqlrc --no-password --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" "$@"; }

run_scripts() {
    local script
    for script in "$scripts"/*; do
        case $script in
            *.sh)
                say "running $script"
                if [[ -x $script ]]; then
                    "$script"
                else
                    # As upstream: a script that is not executable may set variables for those after it.
                    # shellcheck source=/dev/null
                    . "$script"
                fi
                ;;
            *.sql) say "running $script" && run_sql --dbname="$POSTGRES_DB" --file="$script" ;;
            *.sql.gz) say "running $script" && gunzip --stdout "$script" | run_sql --dbname="$POSTGRES_DB" ;;
            *) say "ignoring $script: neither .sh, .sql nor .sql.gz" ;;
        esac
    done
}

# The server of the first start listens on the socket only, so that no client connects before the database is ready.
fill_cluster() {
    local -a arguments=("$@" -c 'listen_addresses=' -c 'fsync=off' -p 5432)
    pg_ctl --pgdata="$unfinished" --silent --wait --timeout=300 --options="${arguments[*]@Q}" start
    if [[ $POSTGRES_DB != postgres ]]; then
        # By a variable, so that psql quotes the name.
        run_sql --dbname=postgres --set=name="$POSTGRES_DB" <<<'CREATE DATABASE :"name"'
    fi
    PGDATA=$unfinished run_scripts
    pg_ctl --pgdata="$unfinished" --silent --wait --timeout=300 --mode=fast stop
}

move_into_place() {
    initdb --pgdata="$unfinished" --sync-only >/dev/null
    chmod --reference="$unfinished" "$PGDATA"
    find "$unfinished" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv --target-directory="$PGDATA" -- {} +
    sync "$PGDATA"
    mv -- "$unfinished/PG_VERSION" "$PGDATA/PG_VERSION"
    rmdir "$unfinished"
    sync "$PGDATA"
}

initialise() {
    read_settings
    # Two containers on one volume: the second must not take the first one's work for an interrupted start.
    exec {lock}<"$PGDATA"
    flock --nonblock "$lock" || fail "another container is making a database in this volume"
    discard_unfinished
    make_cluster
    fill_cluster "$@"
    move_into_place
    say "the database $POSTGRES_DB is made"
}

main() {
    if [[ ${1:-} == -* ]]; then
        set -- postgres "$@"
    fi
    # Another program, or a question to the server's binary, needs no database.
    if [[ ${1:-} != postgres || " ${*:2} " =~ \ (-\?|--help|-V|--version|--describe-config)\  ]]; then
        exec "$@"
    fi
    if ((EUID == 0)); then
        become_postgres "$@"
    fi
    readonly unfinished=$PGDATA/.unfinished
    prepare_folders
    if [[ ! -s $PGDATA/PG_VERSION ]]; then
        # A child does the work, because process 1 of a container receives SIGTERM only if it has a handler for it;
        # when process 1 ends, the engine ends all others.
        trap 'say "stopped before the database was created; the next start repeats it"; exit 143' INT TERM
        initialise "${@:2}" &
        wait $! || fail "the database was not created; see the reason above"
        trap - INT TERM
    fi
    check_version
    # A remainder of a first start whose last step was interrupted.
    rmdir "$unfinished" 2>/dev/null || true
    unset POSTGRES_PASSWORD PGPASSWORD
    exec "$@"
}

main "$@"
