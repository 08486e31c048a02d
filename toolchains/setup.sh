#!/bin/bash
# usage: toolchains/setup.sh aarch64-linux-gnu|arm-linux-gnueabihf|riscv64-linux-gnu...
# What `make CROSS=<triple>` needs: the cross compiler and qemu (installed by install-deps.sh), and for ARM the
# libraries in .sysroot/<arch>, unpacked from the distribution's packages. The system's own package database is not
# touched: installing these packages as a foreign architecture collides with their amd64 twins.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(libcmocka-dev libcpuinfo-dev libjansson-dev libutf8proc-dev libxxhash-dev)

say() { printf '%s\n' "$*"; }
die() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }

# The first archive of this system's own apt sources, "URL suite": it carries the ARM packages on Debian and on
# Raspberry Pi OS. Ubuntu keeps them on its ports archive: TERN_ARM_MIRROR names it, or any other Debian archive.
archive() {
    . /etc/os-release
    if [ -n "${TERN_ARM_MIRROR:-}" ]; then
        echo "$TERN_ARM_MIRROR $VERSION_CODENAME"
    elif [ "$ID" = ubuntu ]; then
        die "Ubuntu's ARM packages are on its ports archive: set TERN_ARM_MIRROR to that archive's URL"
    else
        apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            awk -v c="$VERSION_CODENAME" '$2 == c && $3 == "main" { print $1, $2; exit }'
    fi
}

# sysroot <arch>: resolves and fetches with an apt state of its own, then unpacks. No root needed.
sysroot() {
    local arch=$1 dest=.sysroot/$1 state url suite deb link
    if [ -f "$dest/.complete" ] && [ "$(cat "$dest/.complete")" = "${packages[*]}" ]; then
        say "$dest: complete"
        return
    fi
    read -r url suite < <(archive) ||
        die "found no archive in apt's sources: set TERN_ARM_MIRROR to a Debian archive's URL"
    rm -rf "$dest"
    mkdir -p "$dest/.apt"/{state/lists/partial,cache/archives/partial,sources}
    state=$PWD/$dest/.apt
    : > "$state/status"
    local components=main
    [ "$(. /etc/os-release; echo "$ID")" != ubuntu ] || components="main universe"
    local keys
    keys=$(ls /usr/share/keyrings/{debian,ubuntu}-archive-keyring.gpg 2>/dev/null | head -1 || true)
    echo "deb ${keys:+[signed-by=$keys] }$url $suite $components" > "$state/sources/archive.list"
    cat > "$state/apt.conf" <<CONF
APT::Architecture "$arch";
APT::Architectures { "$arch"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::State "$state/state";
Dir::State::status "$state/status";
Dir::Cache "$state/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$state/sources";
CONF
    APT_CONFIG=$state/apt.conf apt-get -q update
    APT_CONFIG=$state/apt.conf apt-get -q -y --download-only install "${packages[@]}"
    for deb in "$state"/cache/archives/*.deb; do
        dpkg-deb -x "$deb" "$dest"
    done
    # Absolute links would point out of the sysroot.
    find "$dest" -path "$state" -prune -o -type l -lname '/*' -print | while read -r link; do
        ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$dest$(readlink "$link")")" "$link"
    done
    rm -rf "$state"
    echo "${packages[*]}" > "$dest/.complete"
    say "$dest: $(du -sh "$dest" | cut -f1)"
}

[ $# -gt 0 ] || die "which triple? aarch64-linux-gnu, arm-linux-gnueabihf, riscv64-linux-gnu"
for triple in "$@"; do
    toolchains/install-deps.sh "cross-$triple"
    case $triple in
    aarch64-linux-gnu) sysroot arm64 ;;
    arm-linux-gnueabihf) sysroot armhf ;;
    riscv64-linux-gnu) say "riscv64: needs no sysroot" ;;
    *) die "unknown triple $triple" ;;
    esac
done
