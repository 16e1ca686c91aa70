# shellcheck shell=bash
# MySQL 9.7 LTS. Debian's stable release has MariaDB only, so the packages of
# its unstable release are unpacked beside the system, never installed into it,
# and run with their own loader and their own C library.

mysql_processes() { echo "mysql $TENANCY_PORT_MYSQL"; }

_mysql_cache="$CACHE_DIR/mysql"
_mysql_root="$_mysql_cache/root"

# The machine's own Debian mirror, whatever format its sources are written in.
_debian_mirror() {
    # shellcheck disable=SC2016  # apt's own variable, not the shell's
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 2>/dev/null \
        | grep -E '/debian/?$' | head -n 1
}

_mysql_apt() {
    local private="$_mysql_cache/apt" options=() option
    for option in Dir::State="$private/state" Dir::State::status="$private/status" Dir::Cache="$private/cache" \
        Dir::Etc::sourcelist="$private/sources.list" Dir::Etc::sourceparts=/dev/null \
        Dir::Etc::preferences=/dev/null Dir::Etc::preferencesparts=/dev/null \
        APT::Sandbox::User="$(id -un)" APT::Install-Recommends=false APT::Default-Release= Debug::NoLocking=1; do
        options+=(-o "$option")
    done
    "$@" "${options[@]}" # the command's own arguments come first, where apt-get allows its options too
}

# Sets the reason in _mysql_missing where it can't be had today.
_mysql_download() {
    local private="$_mysql_cache/apt" keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror version
    command -v apt-get >/dev/null 2>&1 || { _mysql_missing="there is no apt on this machine"; return 1; }
    [[ -f "$keyring" ]] || { _mysql_missing="$keyring is missing (package debian-archive-keyring)"; return 1; }
    mirror="$(_debian_mirror)" || { _mysql_missing="the sources of apt name no Debian mirror"; return 1; }

    rm -rf "$private"
    mkdir -p "$private/state/lists/partial" "$private/cache/archives/partial"
    : >"$private/status"
    echo "deb [signed-by=$keyring] $mirror sid main" >"$private/sources.list"
    _mysql_apt apt-get -q update || { _mysql_missing="the package list of the unstable release of Debian can not be read"; return 1; }

    version="$(_mysql_apt apt-cache policy mysql-server-core | awk '/Candidate:/ {print $2}')"
    [[ "$version" =~ ^([0-9]+:)?9\. ]] || { _mysql_missing="the unstable release of Debian has mysql-server-core ${version:-nowhere}, not 9.x"; return 1; }
    _mysql_apt apt-get -q -y --download-only install mysql-server-core \
        || { _mysql_missing="mysql-server-core $version can not be fetched"; return 1; }
}

_mysql_unpack() {
    local deb new="$_mysql_root.new"
    rm -rf "$new"
    mkdir -p "$new"
    for deb in "$_mysql_cache"/apt/cache/archives/*.deb; do
        case "${deb##*/}" in
            perl*) ;; # a third of the size, and for scripts that are not used
            *) dpkg -x "$deb" "$new" || return 1 ;;
        esac
    done
    # A data folder of ours is not to be mistaken for the system's.
    rm -rf "${new:?}/etc" "${new:?}/var" "$new/usr/share/doc" "$new/usr/share/man"
    chmod -R a+rX "$new"
    if ! _mysql_command "$new" --version >/dev/null; then
        _mysql_missing="mysqld of the unstable release of Debian does not start here"
        return 1
    fi
    rm -rf "$_mysql_root" "$_mysql_cache/apt"
    mv "$new" "$_mysql_root"
}

_mysql_command() {
    local root=$1 library loader
    shift
    for library in "$root"/usr/lib/*-linux-gnu; do
        for loader in "$library"/ld-linux*.so.*; do
            "$loader" --library-path "$library" "$root/usr/sbin/mysqld" --no-defaults --basedir="$root/usr" "$@"
            return
        done
    done
    return 1
}

# Where it can't be had, that is said loudly and remembered for `env`; whether
# MariaDB alone is enough is for scripts/services to decide.
mysql_install() {
    if [[ ! -d "$_mysql_root" ]]; then
        say "mysql: fetching MySQL 9.7 into $_mysql_cache (once, about 60 MB)"
        mkdir -p "$_mysql_cache"
        _mysql_missing=''
        {
            flock 8
            if [[ ! -d "$_mysql_root" ]] && ! { _mysql_download && _mysql_unpack; } >"$_mysql_cache/install.log" 2>&1; then
                tail -n 5 "$_mysql_cache/install.log" >&2
                printf '%s\n' "${_mysql_missing:-it can not be unpacked}" >"$RUN_DIR/mysql.unavailable"
                warn "********************************************************************"
                warn "MySQL 9.7 is NOT available: $(<"$RUN_DIR/mysql.unavailable")."
                warn "Nothing is tested against it. See $_mysql_cache/install.log"
                warn "********************************************************************"
                return 1
            fi
        } 8>"$_mysql_cache/lock"
    fi
    rm -f "$RUN_DIR/mysql.unavailable"
    ensure_user mysql
}

# The server's user must reach the programs too, and the cache may lie in a
# home folder that is closed to it. Links cost nothing where that is possible.
_mysql_reachable_root() {
    local copy="$DATA_DIR/mysql-server"
    if ((EUID != 0)) || _open_to_all "$_mysql_root"; then
        echo "$_mysql_root"
        return 0
    fi
    if [[ ! -d "$copy" || "$_mysql_root" -nt "$copy" ]]; then
        rm -rf "$copy" "$copy.new"
        cp -al "$_mysql_root" "$copy.new" 2>/dev/null || { rm -rf "$copy.new" && cp -a "$_mysql_root" "$copy.new"; }
        touch "$copy.new"
        mv "$copy.new" "$copy"
    fi
    echo "$copy"
}

mysql_version() { _mysql_command "$_mysql_root" --version | sed -E 's/.* Ver ([^ -]+).*/\1/'; }

# accounts_sql: what both MySQL and MariaDB run at every start, before they
# accept anybody. Every statement may be run again.
accounts_sql() {
    cat <<SQL
ALTER USER 'root'@'localhost' IDENTIFIED BY '$ADMIN_PASSWORD';
CREATE USER IF NOT EXISTS '$ADMIN_USER'@'%' IDENTIFIED BY '$ADMIN_PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO '$ADMIN_USER'@'%' WITH GRANT OPTION;
CREATE USER IF NOT EXISTS '$APP_USER'@'%' IDENTIFIED BY '$APP_PASSWORD';
CREATE DATABASE IF NOT EXISTS $TEST_DATABASE;
GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE, CREATE TEMPORARY TABLES ON \`tenancy\\_test%\`.* TO '$APP_USER'@'%';
SQL
}

# common_mysql_options NAME PORT DATA TLS: what is true of both servers. Each has
# a folder of its own for temporary tables: in a common one, the server that
# starts deletes those of the server that runs.
common_mysql_options() {
    printf '%s\n' --datadir="$3" --tmpdir="$3-tmp" --port="$2" --bind-address=127.0.0.1 --socket="$3/$1.sock" --pid-file="$3/$1.pid" \
        --init-file="$DATA_DIR/$1-accounts.sql" --ssl-ca="$4/ca.crt" --ssl-cert="$4/server.crt" --ssl-key="$4/server.key" \
        --sql-mode=ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION \
        --character-set-server=utf8mb4 --default-time-zone=+00:00 --local-infile=OFF --skip-name-resolve \
        --max-connections=200 --performance-schema=OFF --innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=2
}

write_accounts() {
    local file="$DATA_DIR/$1-accounts.sql"
    accounts_sql >"$file"
    chmod 600 "$file"
    if ((EUID == 0)); then chown mysql "$file"; fi
}

mysql_up() {
    local root dir="$DATA_DIR/mysql" data tls options library
    root="$(_mysql_reachable_root)"
    library="$(echo "$root"/usr/lib/*-linux-gnu)"
    local mysqld=("$(echo "$library"/ld-linux*.so.*)" --library-path "$library" "$root/usr/sbin/mysqld" --no-defaults
        --basedir="$root/usr" --plugin-dir="$root/usr/lib/mysql/plugin" --lc-messages-dir="$root/usr/share/mysql"
        --character-sets-dir="$root/usr/share/mysql/charsets" --secure-file-priv=NULL --mysqlx=OFF --disable-log-bin
        --innodb-redo-log-capacity=64M)
    own_dir "$(server_user mysql)" "$dir-tmp"
    if [[ ! -d "$dir" ]]; then
        say "mysql: initialising $dir"
        data="$(fresh_dir mysql "$dir")"
        run_as "$(server_user mysql)" "${mysqld[@]}" --initialize-insecure --datadir="$data" --tmpdir="$dir-tmp" \
            >"$(log_file mysql)" 2>&1 || fail_with_log mysql "mysqld --initialize failed"
        mv "$data" "$dir"
    fi
    write_accounts mysql
    tls="$(tls_for mysql mysql)"
    mapfile -t options < <(common_mysql_options mysql "$TENANCY_PORT_MYSQL" "$dir" "$tls")
    start_daemon mysql "$TENANCY_PORT_MYSQL" mysql "${mysqld[@]}" "${options[@]}"
    wait_until mysql 90 log_says mysql 'ready for connections'
}

mysql_down() { stop_daemon mysql; }
