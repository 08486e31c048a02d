#!/bin/bash
# usage: toolchains/install-deps.sh build|check|fuzz|torture|count|cross-<triple>...
# Installs what a target needs and is missing (Debian, Ubuntu, Raspberry Pi OS). Without root it prints the command and
# ends with 1. On other systems it says what is needed and leaves it to the build to find it.
set -euo pipefail
needed=() wanted=()

# A tool or header that is there counts, whoever brought it; only what is absent is asked of apt.
tool() { command -v "$1" >/dev/null 2>&1 || needed+=("$2"); }
nice_tool() { command -v "$1" >/dev/null 2>&1 || wanted+=("$2"); }
header() { echo "#include <$1>" | ${CC:-cc} -E -o /dev/null - 2>/dev/null || needed+=("$2"); }
library() { # file, package
    [ -e "/usr/lib/$1" ] || ls /usr/lib/*/"$1" >/dev/null 2>&1 || wanted+=("$2")
}
# A compiler without a C library's headers is of no use.
compiler() {
    tool cc gcc
    [ -e /usr/include/stdio.h ] || needed+=(libc6-dev)
    tool make make
    tool pkg-config pkg-config
}
cross() { # triple, emulator, Debian name of the architecture
    nice_tool "$1-gcc" "gcc-$1"
    [ -e "/usr/$1/include/stdio.h" ] || wanted+=("libc6-dev-$3-cross")
    nice_tool "$2" qemu-user-static
}
clang_with_runtime() {
    if ! command -v clang >/dev/null 2>&1; then
        wanted+=(clang)
    elif ! [ -e "$(clang -print-resource-dir)/lib/linux" ]; then
        wanted+=("libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev")
    fi
}

# llvm-cov of clang's own version, which is what its coverage's format goes by.
clang_coverage() {
    local version
    version=$(clang -dumpversion 2>/dev/null | cut -d. -f1) || return 0
    command -v "llvm-cov-$version" >/dev/null 2>&1 || [ -x "/usr/lib/llvm-$version/bin/llvm-cov" ] ||
        wanted+=("llvm-$version")
    tool python3 python3
}

for what in "$@"; do
    case $what in
    build | check | fuzz | torture | count)
        compiler
        header jansson.h libjansson-dev
        header utf8proc.h libutf8proc-dev
        header xxhash.h libxxhash-dev
        ;;&
    fuzz | check) clang_with_runtime ;;&
    fuzz) clang_coverage ;;&
    torture)
        tool python3 python3
        nice_tool strace strace
        ;;&
    count)
        tool qemu-x86_64 qemu-user # the static one has no plugins
        tool python3 python3
        ls /usr/bin/llvm-mca-* >/dev/null 2>&1 || wanted+=(llvm)
        ;;
    check | torture) library liblapack.so.3 liblapack3 ;;&
    check)
        header_pre='stdarg.h stddef.h setjmp.h stdint.h'
        { for h in $header_pre cmocka.h; do echo "#include <$h>"; done; } | ${CC:-cc} -E -o /dev/null - 2>/dev/null ||
            needed+=(libcmocka-dev)
        tool objdump binutils
        nice_tool g++ g++
        nice_tool valgrind valgrind
        nice_tool cmake cmake
        nice_tool clang-format-14 clang-format-14
        python3 -c 'import numpy' 2>/dev/null || /usr/bin/python3 -c 'import numpy' 2>/dev/null || wanted+=(python3-numpy)
        if [ "$(uname -m)" = x86_64 ]; then
            cross aarch64-linux-gnu qemu-aarch64-static arm64
            cross arm-linux-gnueabihf qemu-arm-static armhf
            cross riscv64-linux-gnu qemu-riscv64-static riscv64
            nice_tool x86_64-linux-musl-gcc musl-tools
        fi
        ;;
    cross-aarch64-linux-gnu) cross aarch64-linux-gnu qemu-aarch64-static arm64 ;;
    cross-arm-linux-gnueabihf) cross arm-linux-gnueabihf qemu-arm-static armhf ;;
    cross-x86_64-linux-musl)
        tool x86_64-linux-musl-gcc musl-tools
        tool cmake cmake
        ;;
    cross-riscv64-linux-gnu) cross riscv64-linux-gnu qemu-riscv64-static riscv64 ;;
    build | fuzz | torture) ;;
    *) echo "install-deps.sh: unknown target $what" >&2; exit 2 ;;
    esac
done
# For cross-<triple> alone the compiler is what was asked for, so it is needed.
case "$*" in cross-*) needed+=(${wanted[@]+"${wanted[@]}"}) wanted=() ;; esac

unique() { printf '%s\n' "$@" | sort -u | tr '\n' ' '; }
[ ${#needed[@]} -gt 0 ] || [ ${#wanted[@]} -gt 0 ] || exit 0
missing=$(unique ${needed[@]+"${needed[@]}"} ${wanted[@]+"${wanted[@]}"} | sed 's/^ *//')
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This system has no apt; needed, by their Debian names: $missing"
    exit 0
fi
run=()
if [ "$(id -u)" != 0 ]; then
    if sudo -n true 2>/dev/null; then
        run=(sudo -n)
    elif [ ${#needed[@]} -gt 0 ]; then
        echo "Missing: $missing. As root: apt-get update && apt-get install --no-install-recommends $missing" >&2
        exit 1
    else
        echo "Going on without $missing (as root: apt-get install --no-install-recommends $missing)"
        exit 0
    fi
fi
apt() { ${run[@]+"${run[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 "$@" </dev/null; }
echo "Installing: $missing"
# One third-party source that does not answer makes the update fail; what matters is whether the install does.
apt update || echo "apt-get update reported errors; going on"
if [ ${#needed[@]} -gt 0 ]; then
    apt install --no-install-recommends $(unique "${needed[@]}")
fi
# What is only wanted may not exist in this release: one by one, and going on without.
for package in $([ ${#wanted[@]} -eq 0 ] || unique "${wanted[@]}"); do
    apt install --no-install-recommends "$package" || echo "Going on without $package"
done
# What was installed may need more that depends on its version (clang's run-time library): look once more.
[ -n "${TERN_DEPS_AGAIN:-}" ] || TERN_DEPS_AGAIN=1 exec "$0" "$@"
