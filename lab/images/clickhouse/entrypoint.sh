#!/bin/sh
# Gives the data folder to the clickhouse user and becomes that user, as the real image does.
set -eu
if [ "$(id -u)" = 0 ]; then
    chown -R clickhouse:clickhouse /var/lib/clickhouse
    exec setpriv --reuid=clickhouse --regid=clickhouse --init-groups "$0" "$@"
fi
if [ "$#" -gt 0 ]; then
    exec "$@"
fi
exec python3 /opt/clickhouse-stand-in/server.py
