#!/bin/sh
# Compare tern with other engines:  tools/peers/run.sh [TERN] [options of compare.mjs]
# `make bench-peers` calls it; PEERS_ARGS there holds the options. What cannot be had here (no node, no network, no
# python3-onnx) is said, and its peers are skipped by compare.mjs with the reason.
# shellcheck disable=SC3013 # -nt: in dash, busybox and POSIX.1-2024
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."

tern=
case "${1-}" in
'' | -*) ;;
*) tern=$1; shift ;;
esac
# shellcheck disable=SC2086 # PEERS_ARGS is a list of words
set -- ${tern:+--tern "$tern"} ${PEERS_ARGS-} "$@"

say() { echo "run.sh: $*" >&2; }

command -v node >/dev/null || { say "node is not installed (18.3 or later)"; exit 1; }

# The libraries come inside the packages; scripts of their dependencies would only fetch what a CPU does not need.
install() {
    installed=$1/node_modules/.package-lock.json
    if [ ! -e "$installed" ] || [ "$1/package-lock.json" -nt "$installed" ]; then
        # npm 11 refuses a lock file without the packages of other platforms, whose versions are fixed all the same.
        (cd "$1" && { npm ci --ignore-scripts --no-audit --no-fund ||
            npm install --no-package-lock --ignore-scripts --no-audit --no-fund; } >&2) || say "npm failed in $1"
    fi
}
install "$here"
[ "$(uname -m)" != x86_64 ] || install "$here/llama"

shape=distilbert
previous=
for word in "$@"; do
    case "$word" in --shape=*) shape=${word#--shape=} ;; esac
    if [ "$previous" = --shape ]; then shape=$word; fi
    previous=$word
done

# graph NAME OPTIONS: build/peers/SHAPE-NAME.onnx, unless it is newer than its maker.
# Debian's python3, since python3-onnx is Debian's.
graph() {
    file=build/peers/$shape-$1.onnx
    shift
    if [ ! -e "$file" ] || [ "$here/make_graph.py" -nt "$file" ]; then
        "${PYTHON-/usr/bin/python3}" "$here/make_graph.py" --shape "$shape" --out "$file" "$@" || say "$file: not made"
    fi
}
graph fp32 --precision fp32
graph int8 --precision int8
graph int8-tools --precision int8 --form tools
graph int4 --precision int4

for type in q8_0 q4_0; do
    file=build/peers/$shape-$type.gguf
    if [ ! -e "$file" ] || [ "$here/llama/make_gguf.py" -nt "$file" ]; then
        "${PYTHON-/usr/bin/python3}" "$here/llama/make_gguf.py" --shape "$shape" --type "$type" --out "$file" ||
            say "$file: not made"
    fi
done

exec node "$here/compare.mjs" "$@"
