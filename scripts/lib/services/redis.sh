# shellcheck shell=bash
# Redis alone, with a plain and a TLS port; and what all Redis servers share.

redis_processes() { echo "redis $TENANCY_PORT_REDIS"; }

redis_install() {
    need_command_or_apt redis-server redis-server
    need_command_or_apt redis-sentinel redis-sentinel
    ensure_user redis
}

need_command_or_apt() {
    command -v "$1" >/dev/null 2>&1 || need_apt "$2"
}

redis_version() { redis-server --version | sed -E 's/.* v=([^ ]+).*/\1/'; }

# redis_cli PORT ARGUMENT…, as the administrator
redis_cli() {
    local port=$1
    shift
    REDISCLI_AUTH="$ADMIN_PASSWORD" redis-cli -h 127.0.0.1 -p "$port" --user "$ADMIN_USER" --no-auth-warning "$@"
}

# A server that is still loading, or that has no master yet, answers an error,
# and redis-cli succeeds all the same.
redis_answers() { [[ "$(redis_cli "$1" PING)" == PONG ]]; }

# What a server needs apart from where it listens. Nothing is kept on the disk:
# a cache that restarts starts empty. The application's account lacks what an
# application must not do (FLUSHALL, KEYS, CONFIG, DEBUG), so that a test which
# needs that says so by taking the other.
redis_common_config() {
    cat <<CONF
bind 127.0.0.1
daemonize no
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
enable-debug-command local
user default off
user $ADMIN_USER on >$ADMIN_PASSWORD ~* &* +@all
user $APP_USER on >$APP_PASSWORD ~* &* +@all -@dangerous +info +cluster +role
masteruser $ADMIN_USER
masterauth $ADMIN_PASSWORD
CONF
}

# redis_start NAME PORT FOLDER: the folder is the server's own; a configuration
# that is in it is left alone, because replicas and sentinels rewrite theirs.
# It is read from standard input.
redis_start() {
    local name=$1 port=$2 dir=$3 user program=${4:-redis-server} options=()
    user="$(server_user redis)"
    own_dir "$user" "$dir"
    if [[ ! -f "$dir/redis.conf" ]]; then
        cat >"$dir/redis.conf.new"
        chmod 600 "$dir/redis.conf.new"
        if ((EUID == 0)); then chown "$user" "$dir/redis.conf.new"; fi
        mv "$dir/redis.conf.new" "$dir/redis.conf"
    fi
    start_daemon "$name" "$port" redis "$(command -v "$program")" "$dir/redis.conf" "${options[@]}"
}

redis_up() {
    local dir="$DATA_DIR/redis" tls
    tls="$(tls_for redis redis)"
    # Nothing rewrites this one, so it always says what this file says.
    if ! running redis >/dev/null; then rm -f "$dir/redis.conf"; fi
    redis_start redis "$TENANCY_PORT_REDIS" "$dir" < <(
        redis_common_config
        cat <<CONF
dir $dir
port $TENANCY_PORT_REDIS
tls-port $TENANCY_PORT_REDIS_TLS
tls-cert-file $tls/server.crt
tls-key-file $tls/server.key
tls-ca-cert-file $tls/ca.crt
tls-auth-clients no
CONF
    )
    wait_until redis 20 redis_answers "$TENANCY_PORT_REDIS"
}

redis_down() { stop_daemon redis; }
