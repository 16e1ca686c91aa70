# shellcheck shell=bash
# Functions that every script of this repository uses. Source it, don't run it:
#
#     source "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
#
#   say TEXT…            what happens now, on standard output
#   warn TEXT…           what the reader should know, on standard error
#   die MESSAGE [HINT]   the failure, and what to do about it; exits 1
#   need_command NAME HINT
#   need_apt PACKAGE…    installs those Debian packages that are absent

REPO_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)"
CACHE_DIR="${TENANCY_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/tenancy}"
export REPO_ROOT CACHE_DIR

say() { printf '==> %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$1" >&2
    if [[ -n "${2:-}" ]]; then printf '       %s\n' "$2" >&2; fi
    exit 1
}

need_command() {
    command -v "$1" >/dev/null 2>&1 || die "'$1' was not found on the PATH." "$2"
}

# The command prefix for what only root may do: nothing as root, sudo where it
# asks no question, and failure where neither is to be had.
_root_prefix() {
    if ((EUID == 0)); then
        echo env
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        echo sudo
    else
        return 1
    fi
}

_apt_missing() {
    local package
    for package in "$@"; do
        # A virtual or half-removed package is known to dpkg and still absent,
        # so the state has to be asked for.
        [[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] \
            || echo "$package"
    done
}

# Installing a server's package would also start that server on its default
# port. Debian asks this file first, so a refusal in it keeps the machine as
# quiet as it was. An administrator's own policy is left alone.
_without_autostart() (
    root=$1 policy=/usr/sbin/policy-rc.d
    shift
    if [[ ! -e "$policy" ]]; then
        # However this ends, the machine's own services must be able to start again.
        trap '"$root" rm -f "$policy"' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' | "$root" tee "$policy" >/dev/null
        "$root" chmod 755 "$policy"
    fi
    "$@"
)

# need_apt PACKAGE…: a package may be given with its alternatives, "a|b", of
# which one that is there is enough; else the first is installed.
need_apt() {
    local wanted alternative missing=()
    for wanted in "$@"; do
        local found=''
        for alternative in ${wanted//|/ }; do
            [[ -n "$(_apt_missing "$alternative")" ]] || found=yes
        done
        [[ -n "$found" ]] || missing+=("${wanted%%|*}")
    done
    ((${#missing[@]})) || return 0

    command -v apt-get >/dev/null 2>&1 || die "These Debian packages are needed, and there is no apt here: ${missing[*]}" \
        "Install what they hold by your system's own means, or use 'scripts/services up --docker'."
    local root
    root="$(_root_prefix)" || die "These packages are missing, and only root may install them: ${missing[*]}" \
        "Run: sudo apt-get update && sudo apt-get install --no-install-recommends -y ${missing[*]}"

    say "installing ${missing[*]}"
    mkdir -p "$CACHE_DIR"
    local log="$CACHE_DIR/apt.log"
    # One at a time: dpkg's own lock would make the second caller fail.
    (
        flock 8
        local apt=("$root" DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -q -y)
        # Package lists that are absent or old are what makes an install fail
        # most often, so a failure is tried again with fresh ones.
        _without_autostart "$root" "${apt[@]}" install --no-install-recommends "${missing[@]}" \
            || { "${apt[@]}" update \
                && _without_autostart "$root" "${apt[@]}" install --no-install-recommends "${missing[@]}"; }
    ) 8>"$CACHE_DIR/apt.lock" >"$log" 2>&1 </dev/null || {
        tail -n 15 "$log" >&2
        die "apt could not install: ${missing[*]}" "The whole output is in $log"
    }
}
