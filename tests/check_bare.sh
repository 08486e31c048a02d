#!/bin/bash
# usage: check_bare.sh <build folder> [sysroot, emulator]
# In a root folder that holds the program, its libraries, a model and /proc/cpuinfo, and nothing of /sys or /dev, a text
# is classified and nothing is said on standard error: cpuinfo, which was linked once, printed three lines there.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 sysroot=${2:-} emulator=${3:-}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
cp "$dir/tern" models/sentiment-mini.tern "$root"
mkdir "$root/proc"
cat /proc/cpuinfo >"$root/proc/cpuinfo" # with it and without /sys cpuinfo began to look
if [ -n "$emulator" ]; then
    mkdir -p "$root/usr"
    cp -r "$sysroot/lib" "$root"
    cp -r "$sysroot/usr/lib" "$root/usr"
    cp "$(command -v "$emulator")" "$root/emulator"
    command=(/emulator /tern)
else
    ldd "$dir/tern" | grep -o '/[^ ]*' | while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        cp "$library" "$root$library"
    done
    command=(/tern)
fi
# Root may change the root folder, others where user namespaces are allowed.
enter=(chroot)
[ "$(id -u)" = 0 ] || enter=(unshare -r chroot)
"${enter[@]}" "$root" "${command[@]}" --version >/dev/null 2>&1 || { echo "this system lets nobody change the root folder"; exit 77; }
"${enter[@]}" "$root" "${command[@]}" classify sentiment-mini.tern "A fine and quiet film." >"$root/out" 2>"$root/err"
cat "$root/out" "$root/err"
grep -q '^positive' "$root/out"
[ ! -s "$root/err" ] || { echo "says something without /sys"; exit 1; }
