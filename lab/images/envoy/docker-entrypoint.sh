#!/bin/sh
# Same contract as the official image's entry point: options alone go to envoy, and root becomes user envoy, whose
# ids ENVOY_UID and ENVOY_GID change; with ENVOY_UID=0 it stays root.
set -e
if [ "${1#-}" != "$1" ]; then
    set -- envoy "$@"
fi
if [ "$(id -u)" != 0 ] || [ "${ENVOY_UID:-}" = 0 ]; then
    exec "$@"
fi
[ -z "${ENVOY_GID:-}" ] || groupmod --gid "$ENVOY_GID" envoy
[ -z "${ENVOY_UID:-}" ] || usermod --uid "$ENVOY_UID" envoy
chown envoy:envoy /dev/stdout /dev/stderr
exec setpriv --reuid=envoy --regid=envoy --init-groups "$@"
