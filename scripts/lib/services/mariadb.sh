# shellcheck shell=bash
# MariaDB, with the accounts and the settings that MySQL has (mysql.sh).

mariadb_processes() { echo "mariadb $TENANCY_PORT_MARIADB"; }

_mariadb_bin() {
    local bin
    for bin in "$(command -v mariadbd || true)" /usr/sbin/mariadbd; do
        if [[ -x "$bin" ]]; then
            echo "$bin"
            return 0
        fi
    done
    return 1
}

mariadb_install() {
    # The core packages have the server, what its installer calls, and no
    # system service.
    if ! _mariadb_bin >/dev/null || ! command -v my_print_defaults >/dev/null 2>&1; then
        need_apt mariadb-server-core mariadb-client-core
    fi
    ensure_user mysql
}

mariadb_version() { "$(_mariadb_bin)" --version | sed -E 's/.* Ver ([^ -]+).*/\1/'; }

mariadb_up() {
    local dir="$DATA_DIR/mariadb" data tls options
    own_dir "$(server_user mysql)" "$dir-tmp"
    if [[ ! -d "$dir" ]]; then
        say "mariadb: initialising $dir"
        data="$(fresh_dir mysql "$dir")"
        run_as "$(server_user mysql)" env TMPDIR="$dir-tmp" "$(command -v mariadb-install-db)" --no-defaults --datadir="$data" \
            --auth-root-authentication-method=normal --skip-test-db --skip-name-resolve \
            >"$(log_file mariadb)" 2>&1 || fail_with_log mariadb "mariadb-install-db failed"
        mv "$data" "$dir"
    fi
    write_accounts mariadb
    tls="$(tls_for mysql mariadb)"
    mapfile -t options < <(common_mysql_options mariadb "$TENANCY_PORT_MARIADB" "$dir" "$tls")
    start_daemon mariadb "$TENANCY_PORT_MARIADB" mysql "$(_mariadb_bin)" --no-defaults "${options[@]}" --innodb-log-file-size=64M
    wait_until mariadb 60 log_says mariadb 'ready for connections'
}

mariadb_down() { stop_daemon mariadb; }
