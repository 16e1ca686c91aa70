# shellcheck shell=bash
# shellcheck disable=SC2034  # everything here is used by the files beside it
# What the servers are called, where they listen, and who may log in.
# docker-compose.yml says the same, and `env` has only these words for both.

ALL_SERVICES=(postgres pgbouncer mysql mariadb mongodb redis redis-cluster redis-sentinel)

# Ports below the range that the kernel hands to outgoing connections, so that
# none can be taken by chance. A second checkout on one machine sets others.
export TENANCY_PORT_POSTGRES="${TENANCY_PORT_POSTGRES:-25432}"
export TENANCY_PORT_POSTGRES_REPLICA="${TENANCY_PORT_POSTGRES_REPLICA:-25433}"
export TENANCY_PORT_PGBOUNCER="${TENANCY_PORT_PGBOUNCER:-26432}"
export TENANCY_PORT_MYSQL="${TENANCY_PORT_MYSQL:-23306}"
export TENANCY_PORT_MARIADB="${TENANCY_PORT_MARIADB:-23307}"
export TENANCY_PORT_MONGODB="${TENANCY_PORT_MONGODB:-27117}"
export TENANCY_PORT_REDIS="${TENANCY_PORT_REDIS:-16379}"
export TENANCY_PORT_REDIS_TLS="${TENANCY_PORT_REDIS_TLS:-16380}"
# Six nodes from this port on; their bus ports are 100 above.
export TENANCY_PORT_REDIS_CLUSTER="${TENANCY_PORT_REDIS_CLUSTER:-17000}"
# Master, replica, and three sentinels from this port on.
export TENANCY_PORT_REDIS_SENTINEL="${TENANCY_PORT_REDIS_SENTINEL:-16400}"

# Accounts for servers that listen on 127.0.0.1 and hold test data only.
# The files in scripts/lib/services/docker repeat them.
ADMIN_USER=tenancy_admin
ADMIN_PASSWORD=admin-secret
APP_USER=tenancy_app
APP_PASSWORD=app-secret
REPLICATION_USER=tenancy_replication
REPLICATION_PASSWORD=replication-secret
TEST_DATABASE=tenancy_test
SENTINEL_MASTER=tenancy

redis_cluster_ports() {
    local i
    for i in 0 1 2 3 4 5; do echo $((TENANCY_PORT_REDIS_CLUSTER + i)); done
}

# The sentinels' own ports; the two below them are the data nodes'.
redis_sentinel_ports() {
    local i
    for i in 2 3 4; do echo $((TENANCY_PORT_REDIS_SENTINEL + i)); done
}

_url() { printf '%s://%s:%s@127.0.0.1:%s/%s' "$@"; }
# No value has a quote in it but for a reason in words, whose quotes are dropped.
_export() { printf "export %s='%s'\n" "$1" "${2//\'/}"; }

_redis_urls() {
    local port urls=()
    while read -r port; do
        urls+=("$(_url redis "$APP_USER" "$APP_PASSWORD" "$port" '')")
    done
    local IFS=,
    echo "${urls[*]%/}"
}

# service_env NAME: shell code that tells tests where this server is.
service_env() {
    local ca="$SERVICES_DIR/tls/ca.crt"
    case "$1" in
        postgres)
            _export TENANCY_TEST_POSTGRES_URL "$(_url postgres "$APP_USER" "$APP_PASSWORD" "$TENANCY_PORT_POSTGRES" "$TEST_DATABASE")"
            _export TENANCY_TEST_POSTGRES_ADMIN_URL "$(_url postgres "$ADMIN_USER" "$ADMIN_PASSWORD" "$TENANCY_PORT_POSTGRES" "$TEST_DATABASE")"
            _export TENANCY_TEST_POSTGRES_REPLICA_URL "$(_url postgres "$APP_USER" "$APP_PASSWORD" "$TENANCY_PORT_POSTGRES_REPLICA" "$TEST_DATABASE")"
            _export TENANCY_TEST_TLS_CA_FILE "$ca"
            ;;
        pgbouncer)
            _export TENANCY_TEST_PGBOUNCER_URL "$(_url postgres "$APP_USER" "$APP_PASSWORD" "$TENANCY_PORT_PGBOUNCER" "$TEST_DATABASE")"
            _export TENANCY_TEST_PGBOUNCER_ADMIN_URL "$(_url postgres "$ADMIN_USER" "$ADMIN_PASSWORD" "$TENANCY_PORT_PGBOUNCER" pgbouncer)"
            ;;
        mysql)
            if [[ -f "$RUN_DIR/mysql.unavailable" ]]; then
                _export TENANCY_TEST_MYSQL_UNAVAILABLE "$(<"$RUN_DIR/mysql.unavailable")"
                return
            fi
            _export TENANCY_TEST_MYSQL_URL "$(_url mysql "$APP_USER" "$APP_PASSWORD" "$TENANCY_PORT_MYSQL" "$TEST_DATABASE")"
            _export TENANCY_TEST_MYSQL_ADMIN_URL "$(_url mysql "$ADMIN_USER" "$ADMIN_PASSWORD" "$TENANCY_PORT_MYSQL" "$TEST_DATABASE")"
            _export TENANCY_TEST_TLS_CA_FILE "$ca"
            ;;
        mariadb)
            _export TENANCY_TEST_MARIADB_URL "$(_url mysql "$APP_USER" "$APP_PASSWORD" "$TENANCY_PORT_MARIADB" "$TEST_DATABASE")"
            _export TENANCY_TEST_MARIADB_ADMIN_URL "$(_url mysql "$ADMIN_USER" "$ADMIN_PASSWORD" "$TENANCY_PORT_MARIADB" "$TEST_DATABASE")"
            _export TENANCY_TEST_TLS_CA_FILE "$ca"
            ;;
        mongodb)
            _export TENANCY_TEST_MONGODB_URL "mongodb://127.0.0.1:$TENANCY_PORT_MONGODB/$TEST_DATABASE?replicaSet=rs0"
            ;;
        redis)
            _export TENANCY_TEST_REDIS_URL "$(_url redis "$APP_USER" "$APP_PASSWORD" "$TENANCY_PORT_REDIS" 0)"
            _export TENANCY_TEST_REDIS_ADMIN_URL "$(_url redis "$ADMIN_USER" "$ADMIN_PASSWORD" "$TENANCY_PORT_REDIS" 0)"
            _export TENANCY_TEST_REDIS_TLS_URL "$(_url rediss "$APP_USER" "$APP_PASSWORD" "$TENANCY_PORT_REDIS_TLS" 0)"
            _export TENANCY_TEST_REDIS_TLS_CA_FILE "$ca"
            ;;
        redis-cluster)
            _export TENANCY_TEST_REDIS_CLUSTER_URLS "$(redis_cluster_ports | _redis_urls)"
            ;;
        redis-sentinel)
            _export TENANCY_TEST_REDIS_SENTINEL_URLS "$(redis_sentinel_ports | _redis_urls)"
            _export TENANCY_TEST_REDIS_SENTINEL_MASTER "$SENTINEL_MASTER"
            ;;
    esac
}
