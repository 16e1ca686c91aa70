# shellcheck shell=bash
# Redis Sentinel: a master, a replica, and three sentinels of whom two decide.
# A failover is remembered: the roles are what the sentinels last agreed on.

_sentinel_data_ports() {
    echo "$TENANCY_PORT_REDIS_SENTINEL"
    echo $((TENANCY_PORT_REDIS_SENTINEL + 1))
}

redis_sentinel_processes() {
    local port
    for port in $(_sentinel_data_ports); do echo "redis-sentinel-data-$port $port"; done
    for port in $(redis_sentinel_ports); do echo "redis-sentinel-$port $port"; done
}

redis_sentinel_install() { redis_install; }
redis_sentinel_version() { redis_version; }

# One data node is the master of the other, and every sentinel sees the master,
# the replica and the two other sentinels.
_redis_sentinel_is_whole() {
    local port info
    for port in $(redis_sentinel_ports); do
        [[ "$(redis_cli "$port" SENTINEL CKQUORUM "$SENTINEL_MASTER")" == OK* ]] || return 1
        info="$(redis_cli "$port" INFO sentinel)" || return 1
        [[ "$info" == *status=ok,*slaves=1,sentinels=3* ]] || return 1
    done
    for port in $(_sentinel_data_ports); do
        info="$(redis_cli "$port" INFO replication)" || return 1
        [[ "$info" == *connected_slaves:1* || "$info" == *master_link_status:up* ]] || return 1
    done
}

redis_sentinel_up() {
    local base="$DATA_DIR/redis-sentinel" port master="$TENANCY_PORT_REDIS_SENTINEL"
    for port in $(_sentinel_data_ports); do
        redis_start "redis-sentinel-data-$port" "$port" "$base/data-$port" < <(
            redis_common_config
            printf 'dir %s\nport %s\nrepl-diskless-sync-delay 0\n' "$base/data-$port" "$port"
            ((port == master)) || echo "replicaof 127.0.0.1 $master"
        )
    done
    for port in $(_sentinel_data_ports); do
        wait_until "redis-sentinel-data-$port" 20 redis_answers "$port"
    done
    for port in $(redis_sentinel_ports); do
        redis_start "redis-sentinel-$port" "$port" "$base/sentinel-$port" redis-sentinel < <(
            cat <<CONF
bind 127.0.0.1
daemonize no
dir $base/sentinel-$port
port $port
user default off
user $ADMIN_USER on >$ADMIN_PASSWORD ~* &* +@all
user $APP_USER on >$APP_PASSWORD ~* &* +@all -@dangerous +sentinel +role
sentinel sentinel-user $ADMIN_USER
sentinel sentinel-pass $ADMIN_PASSWORD
sentinel monitor $SENTINEL_MASTER 127.0.0.1 $master 2
sentinel auth-user $SENTINEL_MASTER $ADMIN_USER
sentinel auth-pass $SENTINEL_MASTER $ADMIN_PASSWORD
sentinel down-after-milliseconds $SENTINEL_MASTER 2000
sentinel failover-timeout $SENTINEL_MASTER 6000
CONF
        )
    done
    wait_until "redis-sentinel-$(redis_sentinel_ports | head -n 1)" 40 _redis_sentinel_is_whole
}

redis_sentinel_down() {
    local name port
    # The sentinels first, lest they promote the replica of a master that leaves.
    while read -r name port; do
        if ((port > TENANCY_PORT_REDIS_SENTINEL + 1)); then stop_daemon "$name"; fi
    done < <(redis_sentinel_processes)
    while read -r name port; do
        if ((port <= TENANCY_PORT_REDIS_SENTINEL + 1)); then stop_daemon "$name"; fi
    done < <(redis_sentinel_processes)
}
