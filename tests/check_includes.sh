#!/bin/bash
# Includes point one way, and a folder is a layer: tools, tests -> quant -> runtime -> models -> simd -> runtime/base.
# Intrinsics and ISA macros stay under simd/x86 and simd/arm.
set -euo pipefail
cd "$(dirname "$0")/.."
errors=0
fail() { echo "$*"; errors=$((errors + 1)); }

layer() {
    case $1 in
    tools/* | tests/*) echo 6 ;;
    quant/*) echo 5 ;;
    runtime/base/*) echo 1 ;;
    runtime/*) echo 4 ;;
    models/*) echo 3 ;;
    simd/*) echo 2 ;;
    *) echo unknown ;;
    esac
}

while read -r file; do
    from=$(layer "$file")
    [ "$from" != unknown ] || { fail "$file: belongs to no layer of CONTRIBUTING.md"; continue; }
    while IFS=: read -r line to; do
        if [ ! -e "$to" ]; then
            fail "$file:$line: \"$to\" is not a path from the root"
        elif [ "$(layer "$to")" = unknown ]; then
            fail "$file:$line: \"$to\" belongs to no layer"
        elif [ "$(layer "$to")" -gt "$from" ]; then
            fail "$file:$line: includes \"$to\", which lies to its left"
        fi
    done < <(grep -E -n '^ *# *include *"' "$file" | sed 's/^\([0-9]*\):[^"]*"\([^"]*\)".*/\1:\2/')
    case $file in
    simd/x86/* | simd/arm/*) ;;
    *)
        if grep -nE 'include *<([a-z0-9]*intrin|arm_neon|arm_sve)\.h>' "$file"; then
            fail "$file: intrinsics outside simd/x86 and simd/arm"
        fi
        if grep -nE '\b(__AVX\w*|__SSE\w*|__FMA__|__AMX\w*|__ARM_FEATURE_\w*|__ARM_NEON\w*)\b' "$file"; then
            fail "$file: ISA macros outside simd/x86 and simd/arm"
        fi ;;
    esac
done < <(find runtime simd quant models tools tests -name node_modules -prune -o -name '*.[ch]' -print | sort)
[ $errors = 0 ] && echo "includes point one way"
