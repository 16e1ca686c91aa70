# shellcheck shell=bash
# PgBouncer in transaction mode, in front of the PostgreSQL primary.

pgbouncer_processes() { echo "pgbouncer $TENANCY_PORT_PGBOUNCER"; }

_pgbouncer_bin() {
    local bin
    for bin in "$(command -v pgbouncer || true)" /usr/sbin/pgbouncer; do
        if [[ -x "$bin" ]]; then
            echo "$bin"
            return 0
        fi
    done
    return 1
}

pgbouncer_install() {
    _pgbouncer_bin >/dev/null || need_apt pgbouncer
    ensure_user postgres
}

pgbouncer_version() { "$(_pgbouncer_bin)" --version | awk 'NR == 1 {print $2}'; }

_pgbouncer_answers() {
    PGPASSWORD="$APP_PASSWORD" PGCONNECT_TIMEOUT=2 psql -X -q -h 127.0.0.1 -p "$TENANCY_PORT_PGBOUNCER" \
        -U "$APP_USER" -d "$TEST_DATABASE" -c 'SELECT 1'
}

pgbouncer_up() {
    local dir="$DATA_DIR/pgbouncer" tls user
    user="$(server_user postgres)"
    tls="$(tls_for postgres pgbouncer)"
    own_dir "$user" "$dir"
    # Passwords in the clear let it both check a client's SCRAM and log in with
    # SCRAM itself; a stored SCRAM secret would have to be the server's own.
    printf '"%s" "%s"\n' "$ADMIN_USER" "$ADMIN_PASSWORD" "$APP_USER" "$APP_PASSWORD" >"$dir/users.txt"
    cat >"$dir/pgbouncer.ini" <<INI
[databases]
* = host=127.0.0.1 port=$TENANCY_PORT_POSTGRES

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $TENANCY_PORT_PGBOUNCER
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $dir/users.txt
admin_users = $ADMIN_USER
pool_mode = transaction
max_client_conn = 500
default_pool_size = 10
server_idle_timeout = 60
ignore_startup_parameters = extra_float_digits
client_tls_sslmode = allow
client_tls_key_file = $tls/server.key
client_tls_cert_file = $tls/server.crt
INI
    chmod 600 "$dir/users.txt" "$dir/pgbouncer.ini"
    if ((EUID == 0)); then chown "$user" "$dir/users.txt" "$dir/pgbouncer.ini"; fi
    start_daemon pgbouncer "$TENANCY_PORT_PGBOUNCER" postgres "$(_pgbouncer_bin)" -q "$dir/pgbouncer.ini"
    wait_until pgbouncer 20 _pgbouncer_answers
}

pgbouncer_down() { stop_daemon pgbouncer; }
