#!/bin/bash
# usage: toolchains/setup.sh aarch64-linux-gnu|arm-linux-gnueabihf|riscv64-linux-gnu|x86_64-linux-musl...
# What `make CROSS=<triple>` needs: the cross compiler and qemu (installed by install-deps.sh), for ARM the libraries in
# .sysroot/<arch>, unpacked from the distribution's packages, and for musl those compiled from its sources. The system's
# own package database is not touched: installing these packages as a foreign architecture collides with their amd64
# twins.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(libcmocka-dev libjansson-dev libutf8proc-dev libxxhash-dev)
# Source package, and the folder in it that CMake is given.
sources=(jansson:/jansson-* utf8proc:/utf8proc-* xxhash:/xxHash-*/cmake_unofficial cmocka:/cmocka-*)

say() { printf '%s\n' "$*"; }
die() { printf 'setup.sh: %s\n' "$*" >&2; exit 1; }

# The first archive of this system's own apt sources, "URL suite": it carries the ARM packages on Debian and on
# Raspberry Pi OS. Ubuntu keeps them on its ports archive: TERN_ARM_MIRROR names it, or any other Debian archive.
archive() { # architecture
    . /etc/os-release
    if [ -n "${TERN_ARM_MIRROR:-}" ]; then
        echo "$TERN_ARM_MIRROR $VERSION_CODENAME"
    elif [ "$ID" = ubuntu ] && [ "$1" != "$(dpkg --print-architecture)" ]; then
        die "Ubuntu's ARM packages are on its ports archive: set TERN_ARM_MIRROR to that archive's URL"
    else
        apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
            awk -v c="$VERSION_CODENAME" '$2 == c && $3 == "main" { print $1, $2; exit }'
    fi
}

# complete <folder> <contents>: whether that was made already, from the same.
complete() {
    [ -f "$1/.complete" ] && [ "$(cat "$1/.complete")" = "$2" ] || return 1
    say "$1: complete"
}
finish() {
    echo "$2" > "$1/.complete"
    say "$1: $(du -sh "$1" | cut -f1)"
}

# apt_state <folder> <arch> deb|deb-src: for the rest of this shell apt has a state of its own, and needs no root.
apt_state() {
    local state=$PWD/$1/.apt arch=$2 kind=$3 url suite keys components=main
    read -r url suite < <(archive "$arch") ||
        die "found no archive in apt's sources: set TERN_ARM_MIRROR to a Debian archive's URL"
    rm -rf "$1"
    mkdir -p "$state"/{state/lists/partial,cache/archives/partial,sources}
    : > "$state/status"
    [ "$(. /etc/os-release; echo "$ID")" != ubuntu ] || components="main universe"
    keys=$(ls /usr/share/keyrings/{debian,ubuntu}-archive-keyring.gpg 2>/dev/null | head -1 || true)
    echo "$kind ${keys:+[signed-by=$keys] }$url $suite $components" > "$state/sources/archive.list"
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
    export APT_CONFIG=$state/apt.conf
    apt-get -q -y update
}

# sysroot <arch>: resolves and fetches packages, then unpacks.
sysroot() (
    arch=$1 dest=.sysroot/$1
    ! complete "$dest" "${packages[*]}" || exit 0
    apt_state "$dest" "$arch" deb
    apt-get -q -y --download-only install "${packages[@]}"
    for deb in "$dest"/.apt/cache/archives/*.deb; do
        dpkg-deb -x "$deb" "$dest"
    done
    # Absolute links would point out of the sysroot.
    find "$dest" -path "$dest/.apt" -prune -o -type l -lname '/*' -print | while read -r link; do
        ln -sfn "$(realpath -m --relative-to="$(dirname "$link")" "$dest$(readlink "$link")")" "$link"
    done
    rm -rf "$dest/.apt"
    finish "$dest" "${packages[*]}"
)

# musl_sysroot <triple>: the libraries from Debian's sources, compiled for musl. All of them can be built with CMake.
musl_sysroot() (
    triple=$1 dest=.sysroot/musl
    ! complete "$dest" "${sources[*]}" || exit 0
    apt_state "$dest" "$(dpkg --print-architecture)" deb-src
    mkdir "$dest/.source"
    (cd "$dest/.source" && apt-get -q -y --download-only --tar-only source "${sources[@]%%:*}" &&
        for from in *.tar.*; do tar xf "$from"; done)
    for from in "${sources[@]}"; do
        from=$(echo "$dest"/.source${from#*:})
        cmake -S "$from" -B "$from/build" -DCMAKE_C_COMPILER="$triple-gcc" -DCMAKE_BUILD_TYPE=Release -Wno-dev \
            -DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
            -DBUILD_SHARED_LIBS=OFF -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON \
            -DXXHASH_BUILD_XXHSUM=OFF -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF
        DESTDIR=$PWD/$dest cmake --build "$from/build" --target install
    done
    ln -sf libcmocka-static.a "$dest/usr/lib/libcmocka.a"
    rm -rf "$dest/.apt" "$dest/.source"
    finish "$dest" "${sources[*]}"
)

[ $# -gt 0 ] || die "which triple? aarch64-linux-gnu, arm-linux-gnueabihf, riscv64-linux-gnu, x86_64-linux-musl"
for triple in "$@"; do
    toolchains/install-deps.sh "cross-$triple"
    case $triple in
    aarch64-linux-gnu) sysroot arm64 ;;
    arm-linux-gnueabihf) sysroot armhf ;;
    riscv64-linux-gnu) say "riscv64: needs no sysroot" ;;
    x86_64-linux-musl) musl_sysroot "$triple" ;;
    *) die "unknown triple $triple" ;;
    esac
done
