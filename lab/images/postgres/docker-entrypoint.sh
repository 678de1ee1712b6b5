#!/bin/bash
# Same contract as the official image's entry point, in the parts that the lab needs: an empty
# PGDATA is initialised from POSTGRES_USER, POSTGRES_PASSWORD (or _FILE) and POSTGRES_DB; TCP
# logins use scram, the local socket is trusted; the server replaces this shell as user postgres.
set -euo pipefail

# NAME or NAME_FILE from the environment, else the default.
from_environment() {
    local name=$1 default=${2:-} file_name="${1}_FILE"
    if [ -n "${!file_name:-}" ]; then
        cat "${!file_name}"
    else
        printf '%s' "${!name:-$default}"
    fi
}

initialise() {
    local user password database
    user=$(from_environment POSTGRES_USER postgres)
    password=$(from_environment POSTGRES_PASSWORD)
    database=$(from_environment POSTGRES_DB "$user")
    if [ -z "$password" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        echo >&2 "Error: Database is uninitialized and superuser password is not specified."
        echo >&2 "       You must specify POSTGRES_PASSWORD to a non-empty value for the superuser."
        exit 1
    fi
    local -a password_option=()
    if [ -n "$password" ]; then
        exec 9< <(printf '%s\n' "$password")
        password_option=(--pwfile=/dev/fd/9)
    fi
    # shellcheck disable=SC2086  # POSTGRES_INITDB_ARGS holds several words on purpose
    initdb --username="$user" "${password_option[@]}" --auth-local=trust --auth-host=scram-sha-256 \
        --encoding=UTF8 ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"

    # The first start listens on the socket only, so nobody sees a half-made database over TCP.
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    if [ "$database" != postgres ]; then
        psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$user" --dbname postgres \
            --set=database="$database" <<< 'CREATE DATABASE :"database";'
    fi
    local script
    for script in /docker-entrypoint-initdb.d/*; do
        case $script in
            *.sql) psql --no-psqlrc -v ON_ERROR_STOP=1 --username "$user" --dbname "$database" -f "$script" ;;
            *.sh) . "$script" ;;
        esac
    done
    pg_ctl -D "$PGDATA" -m fast -w stop
    echo "PostgreSQL init process complete; ready for start up."
}

if [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi
if [ "$1" = postgres ] && [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /var/run/postgresql
    chown -R postgres:postgres "$PGDATA" /var/run/postgresql
    chmod 0700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ "$1" = postgres ]; then
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        initialise
    else
        echo "PostgreSQL Database directory appears to contain a database; Skipping initialization"
    fi
    unset POSTGRES_PASSWORD
    set -- "$@" -c listen_addresses='*'
fi
exec "$@"
