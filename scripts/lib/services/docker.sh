# shellcheck shell=bash
# The same servers in containers, as docker-compose.yml describes them.

_docker_compose() {
    docker compose --project-name "tenancy-$(cksum <<<"$REPO_ROOT" | cut -d ' ' -f 1)" --file "$REPO_ROOT/docker-compose.yml" "$@"
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
        _docker_compose rm --stop --force "${options[@]}" "${names[@]}"
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
