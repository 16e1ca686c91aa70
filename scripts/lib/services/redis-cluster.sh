# shellcheck shell=bash
# Redis Cluster: three masters with a replica each.

redis_cluster_processes() {
    local port
    for port in $(redis_cluster_ports); do echo "redis-cluster-$port $port"; done
}

redis_cluster_install() { redis_install; }
redis_cluster_version() { redis_version; }

_redis_cluster_is_whole() {
    local port info
    for port in $(redis_cluster_ports); do
        info="$(redis_cli "$port" CLUSTER INFO)" || return 1
        [[ "$info" == *cluster_state:ok* && "$info" == *cluster_known_nodes:6* ]] || return 1
        info="$(redis_cli "$port" INFO replication)" || return 1
        # A replica that has not yet copied its master would miss the first writes.
        [[ "$info" == *role:master* || "$info" == *master_link_status:up* ]] || return 1
    done
}

redis_cluster_up() {
    local base="$DATA_DIR/redis-cluster" port addresses=() missing=''
    for port in $(redis_cluster_ports); do
        addresses+=("127.0.0.1:$port")
        running "redis-cluster-$port" >/dev/null || missing=yes
    done
    if [[ -f "$base/.formed" && -z "$missing" ]] && _redis_cluster_is_whole; then return 0; fi
    # Nodes that have met only half of each other can't be joined again.
    if [[ ! -f "$base/.formed" ]]; then
        redis_cluster_down
        rm -rf "$base"
    fi
    mkdir -p "$base"
    for port in $(redis_cluster_ports); do
        redis_start "redis-cluster-$port" "$port" "$base/$port" < <(
            redis_common_config
            cat <<CONF
dir $base/$port
port $port
cluster-enabled yes
cluster-port $((port + 100))
cluster-config-file nodes.conf
cluster-node-timeout 2000
cluster-announce-ip 127.0.0.1
repl-diskless-sync-delay 0
CONF
        )
    done
    for port in $(redis_cluster_ports); do
        wait_until "redis-cluster-$port" 20 redis_answers "$port"
    done
    if [[ ! -f "$base/.formed" ]]; then
        say "redis-cluster: joining ${addresses[*]}"
        port="$TENANCY_PORT_REDIS_CLUSTER"
        redis_cli "$port" --cluster create "${addresses[@]}" --cluster-replicas 1 --cluster-yes \
            >"$LOG_DIR/redis-cluster-create.log" 2>&1 </dev/null || {
            tail -n 10 "$LOG_DIR/redis-cluster-create.log" >&2
            die "redis-cluster: the nodes could not be joined." "The whole output is in $LOG_DIR/redis-cluster-create.log"
        }
    fi
    wait_until "redis-cluster-$TENANCY_PORT_REDIS_CLUSTER" 40 _redis_cluster_is_whole
    touch "$base/.formed"
}

redis_cluster_down() {
    local name port
    while read -r name port; do stop_daemon "$name"; done < <(redis_cluster_processes)
}
