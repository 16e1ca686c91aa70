# shellcheck shell=bash
# The same servers in containers, as docker-compose.yml describes them.

_docker_project="tenancy-$(cksum <<<"$REPO_ROOT" | cut -d ' ' -f 1)"

_docker_compose() {
    local i
    # The file can't add, so the ports that follow the first are told to it.
    for i in 1 2 3 4 5; do
        export "TENANCY_PORT_REDIS_CLUSTER_$i=$((TENANCY_PORT_REDIS_CLUSTER + i))"
        export "TENANCY_PORT_REDIS_SENTINEL_$i=$((TENANCY_PORT_REDIS_SENTINEL + i))"
    done
    docker compose --project-name "$_docker_project" --file "$REPO_ROOT/docker-compose.yml" "$@"
}

_need_docker() {
    local native="Without --docker the servers are started natively, on Debian and its kin."
    need_command docker "Install Docker's engine. $native"
    docker compose version >/dev/null 2>&1 || die "Docker has no 'compose' command here." \
        "Install the package docker-compose-plugin. $native"
    docker info >/dev/null 2>&1 || die "Docker's engine does not answer." \
        "Start it, or see whether you may use it ('docker info'). $native"
}

# The replica is a container of its own, and a part of what is called postgres.
_docker_names() {
    local name
    for name in "$@"; do
        echo "$name"
        [[ "$name" != postgres ]] || echo postgres-replica
    done
}

docker_up() {
    local names
    _need_docker
    make_services_dir
    take_lock
    make_tls
    mapfile -t names < <(_docker_names "$@")
    say "starting ${names[*]} in containers"
    touch "$RUN_DIR/docker"
    _docker_compose up --build --detach --wait "${names[@]}" || {
        _docker_compose logs --tail 20 "${names[@]}" >&2
        die "Not every container became healthy." "Their whole logs: docker compose logs"
    }
    say "ready. In a shell: eval \"\$(scripts/services env)\""
}

docker_down() {
    local names options=()
    _need_docker
    mapfile -t names < <(_docker_names "$@")
    if [[ -n "${purge:-}" ]]; then options+=(--volumes); fi
    say "stopping ${names[*]}"
    if (($# == ${#ALL_SERVICES[@]})); then
        _docker_compose down "${options[@]}"
        rm -f "$RUN_DIR/docker"
    else
        _docker_compose rm --stop --force "${names[@]}"
        # Compose itself removes the data of all servers or of none.
        if [[ -n "${purge:-}" ]]; then
            docker volume ls --quiet | { grep -xF "$(printf "${_docker_project}_%s\n" "${names[@]}")" || true; } \
                | xargs --no-run-if-empty docker volume rm
        fi
    fi
    say "stopped"
}

docker_status() {
    local names
    _need_docker
    mapfile -t names < <(_docker_names "$@")
    if [[ -n "${only_up:-}" ]]; then
        _docker_compose ps --services --status running "${names[@]}" | { grep -vx postgres-replica || true; }
    else
        _docker_compose ps --all "${names[@]}"
    fi
}
