# shellcheck shell=bash
# A certificate authority of our own and one certificate for 127.0.0.1 and
# localhost, made once per checkout.

make_tls() {
    local dir="$SERVICES_DIR/tls"
    if [[ -f "$dir/server.crt" ]] && openssl x509 -in "$dir/server.crt" -noout -checkend 86400 >/dev/null; then
        return 0
    fi
    need_apt openssl
    say "making a certificate in $dir"
    rm -rf "$dir" "$dir".new
    mkdir -p "$dir.new"
    (
        cd "$dir.new"
        openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=Tenancy test authority' \
            -keyout ca.key -out ca.crt
        openssl req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -out server.crt \
            -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n')
        rm -f server.csr ca.srl
        chmod 600 ca.key server.key
    ) >"$LOG_DIR/tls.log" 2>&1 || {
        tail -n 5 "$LOG_DIR/tls.log" >&2
        die "openssl could not make a certificate." "The whole output is in $LOG_DIR/tls.log"
    }
    mv "$dir.new" "$dir"
}

# tls_for USER NAME: prints a folder with ca.crt, server.crt and server.key,
# where the key is the user's own; servers refuse a key that others may read.
tls_for() {
    local user dir="$DATA_DIR/$2-tls" file
    user="$(server_user "$1")"
    own_dir "$user" "$dir"
    for file in ca.crt server.crt server.key; do
        cp "$SERVICES_DIR/tls/$file" "$dir/$file"
        chmod 600 "$dir/$file"
        if ((EUID == 0)); then chown "$user" "$dir/$file"; fi
    done
    echo "$dir"
}
