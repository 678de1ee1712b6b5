# Docker's start script raises limits and gives up where a container may not; here it goes on with
# the limits that the machine grants. The start script reads this file before it does so.
ulimit() {
    command ulimit "$@" 2>/dev/null || true
}
