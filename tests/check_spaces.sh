#!/bin/bash
# usage: check_spaces.sh
# A checkout in a folder with a space and an apostrophe in its name builds, runs, and installs into another one: every
# compilation ended in "no input files" once. Without optimisation and conversion, which does no harm to the paths.
set -euo pipefail
cd "$(dirname "$0")/.."
copy="$PWD/build/check/tern's copy"
rm -rf "$copy"
mkdir -p "$copy"
tar cf - Makefile packaging toolchains runtime models simd tools quant tests/*.[ch] tests/kernels | tar xf - -C "$copy"
cd "$copy"
make --no-print-directory -j"$(nproc)" BUILD=build/here CONVERT=0 CFLAGS=-O0 all build/here/tests/kernels
build/here/tests/kernels --quick --isa scalar
tools/demo.sh build/here/tern | grep '^positive'
make --no-print-directory BUILD=build/here CONVERT=0 CFLAGS=-O0 install DESTDIR="$copy/a root" PREFIX="/opt/a b"
"a root/opt/a b/bin/tern" classify models/sentiment-mini.tern "A fine and quiet film."
make --no-print-directory BUILD=build/here CONVERT=0 CFLAGS=-O0 uninstall DESTDIR="$copy/a root" PREFIX="/opt/a b"
! find "a root" ! -type d | grep .
cd ..
rm -rf "$copy"
