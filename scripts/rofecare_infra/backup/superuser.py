"""The shell script that runs a program inside the container of a PostgreSQL server, as its superuser.

Sessions must not depend on the settings of the server, of a database, or of a role. Options of a client (PGOPTIONS)
take precedence over all of them. Without them a database that is read-only by default could not be restored, one that
preloads a missing library could not be connected to, and the text form of values would differ between two servers.
"""

from __future__ import annotations

from collections.abc import Mapping

# A server refuses a connection with an option that it does not know: each set applies from this major version on.
_OPTIONS: Mapping[int, Mapping[str, str]] = {
    0: {
        # Who the session is, and what it runs at its start.
        "role": "none",
        "session_preload_libraries": "",
        "local_preload_libraries": "",
        "session_replication_role": "origin",
        # Whether and for how long it may work.
        "default_transaction_read_only": "off",
        "default_transaction_isolation": "read committed",
        "default_transaction_deferrable": "off",
        "statement_timeout": "0",
        "lock_timeout": "60s",
        "idle_in_transaction_session_timeout": "0",
        "temp_file_limit": "-1",
        "exit_on_error": "off",
        "row_security": "off",
        # What names and statements mean.
        "search_path": "",
        "check_function_bodies": "off",
        "default_tablespace": "",
        "temp_tablespaces": "",
        "default_table_access_method": "heap",
        "standard_conforming_strings": "on",
        "backslash_quote": "safe_encoding",
        "transform_null_equals": "off",
        "array_nulls": "on",
        "quote_all_identifiers": "off",
        "lo_compat_privileges": "off",
        # The text form of values and messages.
        "DateStyle": "ISO,YMD",
        "IntervalStyle": "postgres",
        "extra_float_digits": "3",
        "bytea_output": "hex",
        "xmlbinary": "base64",
        "xmloption": "content",
        "lc_monetary": "C",
        "lc_messages": "C",
        "client_min_messages": "warning",
        # Compiling the large queries of the facts takes longer than running them.
        "jit": "off",
        # Damage has to be reported.
        "zero_damaged_pages": "off",
        "ignore_checksum_failure": "off",
    },
    14: {"idle_session_timeout": "0"},
    16: {"createrole_self_grant": ""},
    17: {"event_triggers": "off", "transaction_timeout": "0", "restrict_nonsystem_relation_kind": ""},
}

# Variables of the container that would change where and how the programs connect.
_FOREIGN = (
    "PGHOST PGHOSTADDR PGPORT PGSERVICE PGSERVICEFILE PGPASSFILE PGDATABASE PGOPTIONS PGTZ PGDATESTYLE PGGEQO"
    " PGTARGETSESSIONATTRS PGSSLMODE PGREQUIREAUTH PGCONNECT_TIMEOUT PGLOADBALANCEHOSTS PG_COLOR"
)


def _words(options: Mapping[str, str]) -> str:
    return " ".join(
        f"-c {name}={value}".replace("=read committed", r"=read\ committed") for name, value in options.items()
    )


def _exports() -> str:
    later = (
        f'if [ "${{major:-0}}" -ge {version} ]; then PGOPTIONS="$PGOPTIONS {_words(options)}"; fi'
        for version, options in _OPTIONS.items()
        if version
    )
    return "\n".join((f"PGOPTIONS='{_words(_OPTIONS[0])}'", *later))


# The superuser and password come from the variables of the image; the password is read from its file in the container.
# The programs report their errors in English: some of them are read.
AS_SUPERUSER = f"""
unset {_FOREIGN}
PGUSER=${{POSTGRES_USER:-}}
if [ -z "$PGUSER" ] && [ -r "${{POSTGRES_USER_FILE:-}}" ]; then PGUSER=$(cat "$POSTGRES_USER_FILE"); fi
PGUSER=${{PGUSER:-postgres}}
if [ -r "${{POSTGRES_PASSWORD_FILE:-}}" ]; then PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
else PGPASSWORD=${{POSTGRES_PASSWORD:-}}; fi
PGCLIENTENCODING=UTF8
LC_ALL=C
major=$(psql --version)
major=${{major##*PostgreSQL) }}
major=${{major%%[!0-9]*}}
{_exports()}
export PGUSER PGPASSWORD PGCLIENTENCODING PGOPTIONS LC_ALL
if [ -n "$1" ]; then PGDATABASE=$1; export PGDATABASE; fi
shift
"""
RUN = 'exec "$@"'
# For programs that read no input: they end when their input closes, which happens when the client is gone.
# The watcher holds neither stdout nor stderr: the engine waits two seconds for whatever keeps them open after the
# program has ended. The watcher exits with 0: a PostgreSQL that is process 1 takes any other exit for a crash.
RUN_WATCHED = """
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3; kill "$child"; exit 0; } >/dev/null 2>&1 &
wait "$child"
"""
RUN_REPORTED = 'exec "$@" 2>&1'
# For pg_restore of the entries in the first word only; what it reports goes to the standard output.
RUN_CHOSEN = """
exec 3<<END
$1
END
shift
exec "$@" --use-list=/dev/fd/3 2>&1
"""
