# shellcheck shell=bash
# PostgreSQL: a primary, and a replica that streams from it.

postgres_processes() {
    echo "postgres $TENANCY_PORT_POSTGRES"
    echo "postgres-replica $TENANCY_PORT_POSTGRES_REPLICA"
}

# The newest server on the machine; a data folder stays with the one that made it.
_postgres_bin() {
    local candidates=()
    if [[ -f "$DATA_DIR/postgres/primary/PG_VERSION" ]]; then
        candidates=(/usr/lib/postgresql/"$(<"$DATA_DIR/postgres/primary/PG_VERSION")"/bin/postgres)
    else
        mapfile -t candidates < <(compgen -G '/usr/lib/postgresql/*/bin/postgres' | sort -V -r)
        candidates+=("$(command -v postgres || true)")
    fi
    [[ -x "${candidates[0]:-}" ]] && dirname "$(readlink -f "${candidates[0]}")"
}

postgres_install() {
    _postgres_bin >/dev/null || need_apt postgresql
    if ((EUID == 0)); then ensure_user postgres; fi
    _postgres_bin >/dev/null || die "No PostgreSQL server was found under /usr/lib/postgresql." \
        "If $DATA_DIR/postgres was made by a version that is gone, run 'scripts/services down --purge postgres'."
}

postgres_version() { "$(_postgres_bin)/postgres" --version | awk '{print $3}'; }

_postgres_initialise() {
    local bin=$1 dir data
    dir="$DATA_DIR/postgres/primary"
    [[ ! -d "$dir" ]] || return 0
    say "postgres: initialising $dir"
    data="$(fresh_dir postgres "$dir")"
    # initdb reads the password from a file; the file system sees it no longer
    # than that takes.
    printf '%s\n' "$ADMIN_PASSWORD" >"$data.password"
    chmod 644 "$data.password"
    {
        run_as "$(server_user postgres)" "$bin/initdb" --pgdata="$data" --username="$ADMIN_USER" \
            --pwfile="$data.password" --auth=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
            --no-sync --no-instructions
        # Single-user mode takes a statement a line, before anybody can connect.
        run_as "$(server_user postgres)" "$bin/postgres" --single -D "$data" postgres <<SQL
CREATE ROLE $APP_USER LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION PASSWORD '$APP_PASSWORD'
CREATE ROLE $REPLICATION_USER LOGIN REPLICATION PASSWORD '$REPLICATION_PASSWORD'
CREATE DATABASE $TEST_DATABASE OWNER $ADMIN_USER
GRANT CONNECT, TEMPORARY ON DATABASE $TEST_DATABASE TO $APP_USER
SQL
    } >"$(log_file postgres)" 2>&1 || fail_with_log postgres "initdb failed"
    rm -f "$data.password"
    cat >"$data/pg_hba.conf" <<'HBA'
# TYPE  DATABASE     USER                 ADDRESS        METHOD
host    all          all                  127.0.0.1/32   scram-sha-256
host    replication  tenancy_replication  127.0.0.1/32   scram-sha-256
HBA
    mv "$data" "$dir"
}

_postgres_copy_replica() {
    local bin=$1 dir data
    dir="$DATA_DIR/postgres/replica"
    [[ ! -d "$dir" ]] || return 0
    say "postgres: copying the primary to $dir"
    data="$(fresh_dir postgres "$dir")"
    run_as "$(server_user postgres)" "$bin/pg_basebackup" --pgdata="$data" --checkpoint=fast --wal-method=stream \
        --write-recovery-conf --no-sync \
        --dbname="host=127.0.0.1 port=$TENANCY_PORT_POSTGRES user=$REPLICATION_USER password=$REPLICATION_PASSWORD application_name=tenancy_replica" \
        >"$(log_file postgres-replica)" 2>&1 || fail_with_log postgres-replica "pg_basebackup failed"
    mv "$data" "$dir"
}

# After a kill PostgreSQL refuses to start while the process id in its lock file
# exists, be it a zombie or somebody else's. What counts is whether a process
# still works in the folder: each of them has it as its current one.
_postgres_unlock() {
    local dir=$1 process busy tries
    for ((tries = 0; tries < 100; tries++)); do
        [[ -f "$dir/postmaster.pid" ]] || return 0
        busy=''
        for process in /proc/[0-9]*; do
            if [[ "$process/cwd" -ef "$dir" ]]; then busy="${process#/proc/}"; fi
        done
        if [[ -z "$busy" ]]; then rm -f "$dir/postmaster.pid"; else sleep 0.1; fi
    done
    die "$dir is in use by process $busy, which scripts/services did not start." "Stop it first."
}

_postgres_start() {
    local bin=$1 name=$2 port=$3 dir=$4 tls options=() option
    running "$name" >/dev/null || _postgres_unlock "$dir"
    tls="$(tls_for postgres "$name")"
    for option in \
        listen_addresses=127.0.0.1 port="$port" unix_socket_directories= password_encryption=scram-sha-256 \
        ssl=on ssl_ca_file="$tls/ca.crt" ssl_cert_file="$tls/server.crt" ssl_key_file="$tls/server.key" \
        max_connections=200 shared_buffers=64MB jit=off \
        wal_level=logical max_wal_senders=10 max_replication_slots=10 hot_standby=on wal_retrieve_retry_interval=200ms \
        wal_keep_size=256MB max_wal_size=256MB checkpoint_timeout=15min autovacuum_naptime=60s \
        max_prepared_transactions=20 timezone=UTC log_timezone=UTC log_line_prefix='%m [%p] %q%u@%d ' \
        fsync=off full_page_writes=off; do # the data needs to survive a killed server, not a lost machine
        options+=(-c "$option")
    done
    start_daemon "$name" "$port" postgres "$bin/postgres" -D "$dir" "${options[@]}"
}

_postgres_query() {
    PGPASSWORD="$ADMIN_PASSWORD" PGCONNECT_TIMEOUT=2 psql -X -q -A -t -h 127.0.0.1 -p "$1" -U "$ADMIN_USER" -d "$TEST_DATABASE" -c "$2"
}

_postgres_streams() {
    [[ "$(_postgres_query "$TENANCY_PORT_POSTGRES" "SELECT state FROM pg_stat_replication WHERE application_name = 'tenancy_replica'")" == streaming ]]
}

_postgres_replica_up() {
    _postgres_copy_replica "$1"
    _postgres_start "$1" postgres-replica "$TENANCY_PORT_POSTGRES_REPLICA" "$DATA_DIR/postgres/replica"
    wait_until postgres-replica 60 _postgres_query "$TENANCY_PORT_POSTGRES_REPLICA" 'SELECT 1'
    wait_until postgres-replica 10 _postgres_streams
}

postgres_up() {
    local bin
    bin="$(_postgres_bin)"
    _postgres_initialise "$bin"
    _postgres_start "$bin" postgres "$TENANCY_PORT_POSTGRES" "$DATA_DIR/postgres/primary"
    wait_until postgres 60 _postgres_query "$TENANCY_PORT_POSTGRES" 'SELECT 1'
    # A replica that was away for too long lacks WAL that the primary has
    # dropped. Nothing in it is worth mending: it is copied again.
    if ! (_postgres_replica_up "$bin"); then
        warn "postgres: the replica could not follow the primary, so it is made anew"
        stop_daemon postgres-replica INT
        rm -rf "$DATA_DIR/postgres/replica"
        _postgres_replica_up "$bin"
    fi
}

postgres_down() {
    # The replica first: it would only complain about a primary that is gone.
    stop_daemon postgres-replica INT
    stop_daemon postgres INT
}
