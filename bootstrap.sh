#!/usr/bin/env bash
# From a fresh Debian machine (python3, pip, git) to a Helicone whose gateway records what goes through it.
# It says what it does, and a second run is quick and changes nothing. `bash bootstrap.sh --help` has the words.
set -euo pipefail

export PATH="$PATH:/usr/sbin:/sbin"           # where debootstrap, dockerd and service are; `su` leaves it out
PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
OS_RELEASE="${OS_RELEASE:-/etc/os-release}"
ENGINE_LOG=/var/log/dockerd-bootstrap.log     # only where there is neither systemd nor a working init script
ENGINE_SECONDS=60                             # how long a started engine may take to answer
KEPT_SETTINGS=HTTP_PROXY,HTTPS_PROXY,NO_PROXY,http_proxy,https_proxy,no_proxy,PIP_CERT,PIP_INDEX_URL,SSL_CERT_FILE
STAMP=.venv/.installed-from                   # what the virtual environment was installed from
LAB_OUTPUT=.cache/lab-up.txt                  # what bringing the lab up printed beside the checks
LAB_UP=                                       # its process, until it has ended

main() {
    cd "$PROJECT"
    read_mode "$@"
    case "$MODE" in
        help)  print_help ;;
        tools) make_virtual_environment ;;
        lab)   prepare_machine "$@"; deploy_the_lab ;;
        local) prepare_machine "$@"; deploy_this_machine ;;
        test)  prepare_machine "$@"; run_the_suite ;;
    esac
}

prepare_machine() {
    require_debian
    require_root_or_sudo
    install_missing_packages
    ensure_docker_engine
    continue_as_root_where_needed "$@"
    make_virtual_environment
}

# --- words --------------------------------------------------------------------------------------------------

read_mode() {
    [[ $# -le 1 ]] || fail "one word at most, and $# were given: $*. See: bash bootstrap.sh --help"
    case "${1:-lab}" in
        lab | local | tools) MODE="${1:-lab}" ;;
        --test) MODE='test' ;;
        -h | --help) MODE=help ;;
        *) fail "'$1' is not known. See: bash bootstrap.sh --help" ;;
    esac
}

print_help() {
    cat <<'HELP'
bash bootstrap.sh          set this machine up, bring the lab up (three throwaway hosts), deploy to it, verify it
bash bootstrap.sh local    deploy Helicone's published images to this machine itself, without SSH, and verify it
bash bootstrap.sh tools    only make the virtual environment: all that is needed to deploy to other machines
bash bootstrap.sh --test   set this machine up and run the whole test suite, the lab included
bash bootstrap.sh --help   show this

Needs Debian 12 (or newer, or Ubuntu 24.04) with python3 and git, and root or sudo where something is missing.
Sees to: the virtual environment .venv from requirements.lock (it brings Docker Compose), Docker Engine,
debootstrap and curl; for --test OpenSSH's server and age, too.
HELP
}

say() { printf '==> %s\n' "$*"; }

fail() {
    printf 'bootstrap.sh: %s\n' "$*" >&2
    exit 2
}

# --- the machine --------------------------------------------------------------------------------------------

require_debian() {
    local name like
    name="$(os_field PRETTY_NAME)"
    like=" $(os_field ID) $(os_field ID_LIKE) "
    if [[ "$like" != *" debian "* ]] || ! command -v apt-get >/dev/null; then
        fail "this machine runs ${name:-an unknown system}; only Debian and Ubuntu can be set up by this script." \
            "What it would do is listed by --help: do that by hand, then use \`invoke\` from the virtual environment."
    fi
}

os_field() { sed -n "s/^$1=//p" "$OS_RELEASE" 2>/dev/null | tr -d '"'; }

require_root_or_sudo() {
    [[ $EUID -eq 0 ]] || has_program sudo || docker version >/dev/null 2>&1 ||
        fail "root rights are needed to install packages and to use Docker, and there is no sudo. Run it as root."
}

as_root() {
    if [[ $EUID -eq 0 ]]; then
        "$@"
    else
        has_program sudo || fail "root rights are needed for \`$*\`, and there is no sudo. Run it as root."
        sudo "$@"
    fi
}

install_missing_packages() {
    local missing=()
    has_venv || missing+=(python3-venv)
    has_program git || missing+=(git)
    has_program curl || missing+=(curl)                    # for the request that is printed at the end
    has_program debootstrap || missing+=(debootstrap)      # makes the lab's hosts where no registry has them
    [[ $MODE != test || -x /usr/sbin/sshd ]] || missing+=(openssh-server)    # the short benchmark's targets
    if [[ $MODE == test ]]; then has_program age || missing+=(age); fi       # the unit tests let it read our secrets
    [[ -e /etc/ssl/certs/ca-certificates.crt ]] || missing+=(ca-certificates)
    if [[ ${#missing[@]} -eq 0 ]]; then
        say "packages: all there"
    else
        install_packages "${missing[@]}"
    fi
}

has_program() { command -v "$1" >/dev/null; }

has_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

install_packages() {
    say "packages: installing $* (apt-get)"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq ||
        fail "apt-get update failed, see above. Nothing was changed."
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        fail "apt-get could not install $*, see above."
}

# --- Docker -------------------------------------------------------------------------------------------------

ensure_docker_engine() {
    local version
    if version="$(engine_version)"; then
        say "Docker Engine: $version is running"
        return
    fi
    if ! has_program dockerd || ! has_program docker; then install_docker; fi
    start_docker
}

# Asked without sudo first, which may want a password.
engine_version() {
    local ask=(timeout 15 docker version --format '{{.Server.Version}}') answer
    if answer="$("${ask[@]}" 2>/dev/null)"; then
        echo "$answer"
    else
        [[ $EUID -ne 0 ]] && has_program docker && has_program sudo && sudo "${ask[@]}" 2>/dev/null
    fi
}

install_docker() {
    install_packages docker.io iptables
    # Newer Debian keeps the client in a package of its own.
    has_program docker || install_packages docker-cli
}

start_docker() {
    if [[ -d /run/systemd/system ]]; then
        say "Docker Engine: starting it with systemd"
        as_root systemctl enable --now docker || true
    else
        say "Docker Engine: no systemd here, starting it with its init script"
        if ! as_root service docker start >/dev/null 2>&1 || ! engine_answers_within 20; then
            say "Docker Engine: the init script did not do it, starting dockerd in the background, log in $ENGINE_LOG"
            as_root sh -c "exec setsid nohup dockerd >>$ENGINE_LOG 2>&1 </dev/null &"
        fi
    fi
    engine_answers_within "$ENGINE_SECONDS" ||
        fail "Docker Engine was started and does not answer after $ENGINE_SECONDS s. Look at $(engine_log)."
    say "Docker Engine: $(engine_version) is running"
}

engine_answers_within() {
    local deadline=$((SECONDS + $1))
    until engine_version >/dev/null; do
        ((SECONDS < deadline)) || return 1
        sleep 0.5
    done
}

engine_log() {
    if [[ -d /run/systemd/system ]]; then
        echo "journalctl -u docker"
    elif [[ -e $ENGINE_LOG ]]; then
        echo "$ENGINE_LOG"
    else
        echo "/var/log/docker.log"
    fi
}

continue_as_root_where_needed() {
    [[ $EUID -ne 0 ]] || return 0
    if [[ $MODE == local ]]; then
        say "releases are kept below /opt and belong to root: going on through sudo"
    elif ! docker version >/dev/null 2>&1; then
        say "your user may not use Docker: going on through sudo"
    else
        return 0
    fi
    exec sudo --preserve-env="$KEPT_SETTINGS" -- bash "$PROJECT/bootstrap.sh" "$@"
}

# --- the virtual environment --------------------------------------------------------------------------------

make_virtual_environment() {
    require_python
    local wanted
    wanted="$(sha256sum requirements.lock | cut -d ' ' -f 1)"
    if [[ "$(cat "$STAMP" 2>/dev/null)" == "$wanted" ]] && .venv/bin/python -c '' 2>/dev/null; then
        say "virtual environment: up to date"
    else
        has_venv || { require_root_or_sudo; require_debian; install_packages python3-venv; }
        .venv/bin/python -c '' 2>/dev/null || { say "virtual environment: making .venv"; python3 -m venv --clear .venv; }
        say "virtual environment: installing what requirements.lock names, every file checked by its hash; takes a minute"
        rm -f "$STAMP"
        .venv/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock ||
            fail "pip could not install requirements.lock, see above. Run it again: it goes on where it stopped."
        echo "$wanted" >"$STAMP"
    fi
    export PATH="$PROJECT/.venv/bin:$PATH"
    say "Docker Compose: $(docker-compose version --short), out of the virtual environment"
}

require_python() {
    has_program python3 || fail "there is no python3. Install it: apt-get install python3"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "$(python3 --version) is too old: Python 3.11 or newer is needed, Debian 12 has it."
}

# --- what is done with it -----------------------------------------------------------------------------------

deploy_the_lab() {
    say "lab: three throwaway hosts, a registry and a model provider on this machine"
    invoke lab.up
    deploy_and_verify lab
    say "what is real in the lab, and what is a STAND-IN"
    invoke lab.status
    say "welcome"
    invoke welcome --env lab
    printf '%s\n' "" "The lab's provider takes any key: paste the request as it is. To take the lab away: invoke lab.down"
    print_activation
}

deploy_this_machine() {
    if [[ ! -e inventory/local/images.lock.yml ]]; then
        say "images: inventory/local/images.lock.yml is missing; asking the registry for every digest, because a" \
            "deploy pulls by digest only"
        invoke images.lock --env local
    fi
    deploy_and_verify local
    say "welcome"
    invoke welcome --env local
    print_activation
}

deploy_and_verify() {
    say "deploy: invoke deploy --env $1 --yes"
    invoke deploy --env "$1" --yes
    say "verify: invoke verify --env $1"
    invoke verify --env "$1"
}

print_activation() {
    printf '%s\n' "" "These words work in a shell after:  cd $PROJECT && . .venv/bin/activate"
}

# --- the test suite -----------------------------------------------------------------------------------------

run_the_suite() {
    FAILED=()
    begin_lab
    run_checks
    run_short_benchmark
    run_lab_tests
    if [[ ${#FAILED[@]} -gt 0 ]]; then
        say "FAILED: $(join_words "${FAILED[@]}")"
        exit 1
    fi
    say "the whole suite passed in $((SECONDS / 60)) min $((SECONDS % 60)) s"
}

run_checks() {
    stage "ruff check" ruff check
    stage "ruff format" ruff format --check
    stage "mypy" mypy
    stage "unit tests" python -m pytest -n auto tests/unit tests/templates
}

# Counts connections, execs and files of a deploy to targets of its own; needs no lab.
run_short_benchmark() {
    if [[ $EUID -eq 0 ]]; then
        stage "short benchmark" python -m bench.fleet --short
    else
        say "short benchmark: left out, it needs root"
    fi
}

# The lab's images are made while the checks run; what it prints comes after theirs.
begin_lab() {
    if lab_is_up; then
        say "lab: it is up already and will be left up"
    else
        trap take_lab_down EXIT
    fi
    say "lab: bringing it up beside the checks"
    mkdir -p .cache
    invoke lab.up >"$LAB_OUTPUT" 2>&1 &
    LAB_UP=$!
}

lab_has_come_up() {
    local code=0
    wait "$LAB_UP" || code=$?
    LAB_UP=
    cat "$LAB_OUTPUT"
    return "$code"
}

run_lab_tests() {
    stage "lab.up" lab_has_come_up
    if has_failed "lab.up"; then
        say "lab tests: not run, there is no lab to run them on"
    else
        stage "lab tests" python -m pytest --durations=25 -m "not long" tests/lab
    fi
}

lab_is_up() { [[ -d .lab && -n "$(docker ps --quiet --filter label=helicone.lab)" ]]; }

take_lab_down() {
    local code=$?
    trap - EXIT
    [[ -z "$LAB_UP" ]] || { kill "$LAB_UP"; wait "$LAB_UP"; } 2>/dev/null || true
    say "lab: taking it down"
    invoke lab.down || { say "FAILED: lab.down"; code=1; }
    exit "$code"
}

# Run one part of the suite; a failure is remembered, and the parts after it still run.
stage() {
    local name="$1" started=$SECONDS
    shift
    say "$name"
    if "$@"; then
        say "$name: passed in $((SECONDS - started)) s"
    else
        say "$name: FAILED after $((SECONDS - started)) s"
        FAILED+=("$name")
    fi
}

has_failed() { [[ " $(join_words "${FAILED[@]}")," == *" $1,"* ]]; }

join_words() {
    local joined
    printf -v joined '%s, ' "$@"
    printf '%s' "${joined%, }"
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
    main "$@"
fi
