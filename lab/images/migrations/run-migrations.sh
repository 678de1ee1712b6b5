#!/bin/sh
set -e
echo "STAND-IN for helicone/migrations (lab only)"
python3 -u /app/migrate.py postgres
python3 -u /app/migrate.py clickhouse
echo "All migrations done"
