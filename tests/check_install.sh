#!/bin/bash
# usage: check_install.sh <build folder>
# Installs into a folder with a space in its name, under a umask that lets nobody read, and moves it; builds programs
# against what lies there by pkg-config and by CMake; removes it all again.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1
command -v pkg-config >/dev/null || { echo "pkg-config is not installed"; exit 77; }
work=$PWD/build/check/install
rm -rf "$work"
mkdir -p "$work"
fail() { echo "$*"; exit 1; }
make_it() { make --no-print-directory BUILD="$dir" WERROR=1 PREFIX=/usr "$@"; }
soname=$(make_it -s print-SONAME) version=$(make_it -s print-VERSION)
IFS=. read -r major minor _ <<<"$version"

cat > "$work/use.c" <<'C'
#include <tern_search.h>
#include <tern_convert.h>
#include <tern.h>
#include <string.h>
int main(void)
{
    tern_index *none;
    return strcmp(tern_version(), TERN_VERSION) != 0 || tern_convert(".", ".", NULL, NULL) == TERN_OK ||
           tern_index_open(&none, ".", NULL) == TERN_OK;
}
C

# installed <libdir>: everything is there, readable by all: tern.pc had mode 600 once.
installed() {
    local f
    for f in bin/tern "$1/$soname" "$1/libtern.so" "$1/libtern.a" include/tern.h include/tern_search.h include/tern_convert.h \
        "$1/pkgconfig/tern.pc" "$1/cmake/tern/ternConfig.cmake" "$1/cmake/tern/ternConfigVersion.cmake" \
        share/man/man1/tern.1; do
        [ -e "$root/usr/$f" ] || fail "not installed: $f"
    done
    ! find "$root" -type d ! -perm 755 -o -type f ! -perm 644 ! -path '*/bin/tern' | grep . || fail "not mode 755 or 644"
    [ "$(stat -c %a "$root/usr/bin/tern")" = 755 ] || fail "bin/tern is not mode 755"
}

# by_pkg_config <libdir>: only tern.pc is found, as where the libraries' own .pc files are not installed: --cflags failed
# there once, and told of utf8proc's macros.
by_pkg_config() {
    local pc=(env PKG_CONFIG_LIBDIR="$root/usr/$1/pkgconfig" pkg-config) word
    for word in jansson libutf8proc libxxhash; do ! "${pc[@]}" --exists $word || fail "$word.pc is found"; done
    "${pc[@]}" --cflags tern || fail "pkg-config --cflags fails without the libraries' .pc files"
    for word in $("${pc[@]}" --cflags tern); do
        case $word in -D*) fail "pkg-config --cflags has $word, which is none of tern.h's" ;; esac
    done
    # A prefix that is given moves all folders.
    [ "$("${pc[@]}" --define-variable=prefix=/moved --cflags --libs tern | sed 's/ *$//')" = \
        "-I/moved/include -L/moved/$1 -ltern" ] || fail "prefix= does not move the folders"
    eval "gcc -Wall -Wextra -Werror -o '$work/shared' '$work/use.c' $("${pc[@]}" --cflags --libs tern)"
    LD_LIBRARY_PATH="$root/usr/$1" "$work/shared"
    eval "gcc -o '$work/static' '$work/use.c' $("${pc[@]}" --cflags tern) '$root/usr/$1/libtern.a' \
        $("${pc[@]}" --static --libs tern | sed 's/ *-ltern / /')"
    "$work/static"
    if command -v g++ >/dev/null; then
        eval "g++ -x c++ -Wall -Wextra -Werror -o '$work/cxx' '$work/use.c' $("${pc[@]}" --cflags --libs tern)"
    fi
}

# by_cmake: there was no package for it once.
by_cmake() {
    command -v cmake >/dev/null || { echo "cmake is not installed: its package was not tried"; return 0; }
    local words=(-DCMAKE_PREFIX_PATH="$root/usr" -DCMAKE_LIBRARY_ARCHITECTURE="$triple") out
    rm -rf "$work/cmake" "$work/cmake.build"
    mkdir -p "$work/cmake"
    cat > "$work/cmake/CMakeLists.txt" <<'C'
cmake_minimum_required(VERSION 3.10)
project(use C)
find_package(tern ${WANTED} REQUIRED)
foreach(kind tern static)
    add_executable(use_${kind} ../use.c)
    target_link_libraries(use_${kind} tern::${kind})
endforeach()
message(STATUS "tern ${tern_VERSION}")
C
    cmake -S "$work/cmake" -B "$work/cmake.build" "${words[@]}" -DWANTED="$major.$minor"
    cmake --build "$work/cmake.build"
    "$work/cmake.build/use_tern"
    "$work/cmake.build/use_static"
    ! readelf -d "$work/cmake.build/use_static" | grep libtern || fail "tern::static links the shared library"
    for out in "$((major + 1)).0" "$major.$((minor + 1))"; do
        ! cmake -S "$work/cmake" -B "$work/cmake.build" "${words[@]}" -DWANTED=$out >"$work/cmake.log" 2>&1 ||
            fail "find_package(tern $out) takes version $version"
    done
}

# described <PREFIX> <LIBDIR> <prefix> <libdir>: what tern.pc then says.
described() {
    local got
    got=$(PREFIX=$1 LIBDIR=$2 INCLUDEDIR=/include LIBS='' VERSION='' SONAME='' POINTER_BYTES='' \
        packaging/fill.sh packaging/tern.pc.in "$2/pkgconfig" | head -2 | tr '\n' ' ')
    [ "$got" = "prefix=$3 libdir=$4 " ] || fail "PREFIX=$1 LIBDIR=$2: $got"
}
# shellcheck disable=SC2016
{
    described /usr/ /usr//lib '${pcfiledir}/../..' '${prefix}/lib'
    described "/opt/a b" "/opt/a b/lib/x" '${pcfiledir}/../../..' '${prefix}/lib/x'
    described /usr /lib64 /usr /lib64
}

triple=$(gcc -dumpmachine)
for libdir in lib "lib/$triple"; do
    root="$work/a root"
    (umask 077; make_it install DESTDIR="$root" LIBDIR="/usr/$libdir")
    installed "$libdir"
    mv "$root" "$work/moved to"
    root="$work/moved to"
    by_pkg_config "$libdir"
    by_cmake
    make_it uninstall DESTDIR="$root" LIBDIR="/usr/$libdir"
    ! find "$root" ! -type d | grep . || fail "left behind by uninstall"
    rm -rf "$root"
done
echo "installed, found, moved and removed"
