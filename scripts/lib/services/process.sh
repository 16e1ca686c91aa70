# shellcheck shell=bash
# Starting, recognising and stopping the processes of the servers.
#
# SERVICES_DIR holds run/ (one record per process), log/, data/ and tls/.

# The servers run as users of their own, who must be able to reach their data.
# Under a directory that is closed to them (a checkout in /root, a temporary
# directory with mode 0700) the data goes beside /var/tmp instead, under a name
# that the checkout's path decides.
_services_dir() {
    if [[ -n "${TENANCY_SERVICES_DIR:-}" ]]; then
        echo "$TENANCY_SERVICES_DIR"
    elif ((EUID == 0)) && ! _open_to_all "$REPO_ROOT"; then
        echo "/var/tmp/tenancy-services-$(cksum <<<"$REPO_ROOT" | cut -d ' ' -f 1)"
    else
        echo "$REPO_ROOT/.services"
    fi
}

# Whether every directory down to this one may be entered by any user.
_open_to_all() {
    local path=$1
    while [[ "$path" != / ]]; do
        [[ "$(stat -c %A "$path")" == *[xt] ]] || return 1
        path="$(dirname "$path")"
    done
}

SERVICES_DIR="$(_services_dir)"
RUN_DIR="$SERVICES_DIR/run"
LOG_DIR="$SERVICES_DIR/log"
DATA_DIR="$SERVICES_DIR/data"
export TENANCY_SERVICES_DIR="$SERVICES_DIR"

make_services_dir() {
    umask 022
    mkdir -p "$RUN_DIR" "$LOG_DIR" "$DATA_DIR"
    [[ -O "$SERVICES_DIR" ]] || die "$SERVICES_DIR belongs to somebody else." \
        "Set TENANCY_SERVICES_DIR to a folder of your own."
    # Nothing in here is ever to be committed, whatever the repository ignores.
    [[ -f "$SERVICES_DIR/.gitignore" ]] || echo '*' >"$SERVICES_DIR/.gitignore"
}

log_file() { echo "$LOG_DIR/$1.log"; }

# Root gives the server's user away; anybody else runs everything as himself.
server_user() {
    if ((EUID == 0)); then echo "$1"; else id -un; fi
}

ensure_user() {
    ((EUID == 0)) || return 0
    id "$1" >/dev/null 2>&1 || useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$1"
}

# as_user USER COMMAND…: without a fork, so that the pid is the command's own.
as_user() {
    local user=$1
    shift
    # The caller's folder may be closed to the user, and several servers insist
    # on being able to return to where they were started.
    cd /
    if ((EUID == 0)) && [[ "$user" != root ]]; then
        exec setpriv --reuid="$user" --regid="$(id -g "$user")" --init-groups --reset-env "$@"
    else
        exec "$@"
    fi
}

# run_as USER COMMAND…
run_as() { (as_user "$@"); }

own_dir() {
    mkdir -p "$2"
    chmod 700 "$2"
    if ((EUID == 0)); then chown "$1" "$2"; fi
}

# A pid is used again sooner or later; together with the tick at which its
# process began it is unique until the machine restarts.
_start_tick() {
    local stat
    stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 1
    # The second field is the command in parentheses, and may hold spaces.
    local fields
    read -ra fields <<<"${stat##*) }"
    [[ "${fields[0]}" != Z ]] || return 1
    echo "${fields[19]}"
}

# running NAME: prints the pid if the recorded process is alive.
running() {
    local pid tick
    [[ -f "$RUN_DIR/$1.pid" ]] || return 1
    read -r pid tick <"$RUN_DIR/$1.pid" || return 1
    [[ "$pid" =~ ^[0-9]+$ && "$(_start_tick "$pid")" == "$tick" ]] || return 1
    echo "$pid"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_daemon NAME PORT USER COMMAND…
start_daemon() {
    local name=$1 port=$2 user=$3 log
    shift 3
    if running "$name" >/dev/null; then return 0; fi
    if port_open "$port"; then
        die "$name can't start: another process listens on 127.0.0.1:$port." \
            "'ss -ltnp sport = :$port' names it. Stop it, or choose another port (see scripts/lib/services/config.sh)."
    fi
    log="$(log_file "$name")"
    # A killed server's last words are kept through one restart.
    if [[ -f "$log" ]]; then mv -f "$log" "$log.old"; fi
    # The lock must not live on in the server; a session of its own keeps an
    # interrupt at the terminal away from it.
    (
        _record "$name" "$BASHPID"
        exec 9>&-
        as_user "$(server_user "$user")" setsid "$@"
    ) </dev/null >"$log" 2>&1 &
    # Both sides write the same record: the child, so that no server can run
    # without one, and the parent, so that it is there when this returns.
    _record "$name" "$!"
}

_record() {
    local tick
    tick="$(_start_tick "$2")" || tick=0
    printf '%s %s\n' "$2" "$tick" >"$RUN_DIR/$1.pid.$BASHPID"
    mv -f "$RUN_DIR/$1.pid.$BASHPID" "$RUN_DIR/$1.pid"
}

# fail_with_log NAME MESSAGE: the failure, with what the server itself said.
fail_with_log() {
    local log
    log="$(log_file "$1")"
    {
        printf 'error: %s: %s\n' "$1" "$2"
        if [[ -s "$log" ]]; then
            printf '       the end of %s:\n' "$log"
            tail -n 20 "$log" | sed 's/^/       | /'
        fi
    } >&2
    exit 1
}

# wait_until NAME SECONDS COMMAND…: until the command succeeds, for as long as
# the server lives.
wait_until() {
    local name=$1 seconds=$2 deadline
    shift 2
    deadline=$((SECONDS + seconds))
    until "$@" >/dev/null 2>&1; do
        running "$name" >/dev/null || fail_with_log "$name" "it ended while it was starting"
        ((SECONDS < deadline)) || fail_with_log "$name" "not ready after $seconds seconds ($*)"
        sleep 0.1
    done
}

# A pipeline would have to know about pipefail; this is asked ten times a second.
log_says() { grep -q -e "$2" "$(log_file "$1")"; }

# stop_daemon NAME [SIGNAL]: ends it and waits for the end.
stop_daemon() {
    local name=$1 signal=${2:-TERM} pid waited=0
    if ! pid="$(running "$name")"; then
        rm -f "$RUN_DIR/$name.pid"
        return 0
    fi
    kill -s "$signal" "$pid" 2>/dev/null || true
    while running "$name" >/dev/null; do
        if ((waited == 200)); then
            warn "$name (pid $pid) did not end within 20 seconds of SIG$signal, so it is killed"
            kill -s KILL "$pid" 2>/dev/null || true
        elif ((waited > 300)); then
            die "$name (pid $pid) can't be ended." "See $(log_file "$name")"
        fi
        sleep 0.1
        waited=$((waited + 1))
    done
    rm -f "$RUN_DIR/$name.pid"
    say "$name: stopped (pid $pid)"
}

# A folder that is built aside and takes its place in one step, so that a run
# which is killed half-way leaves nothing that looks finished.
fresh_dir() {
    rm -rf "$2".init.*
    mkdir -p "$(dirname "$2")"
    local dir
    dir="$(mktemp -d "$2.init.XXXXXX")"
    own_dir "$(server_user "$1")" "$dir"
    echo "$dir"
}
