#!/bin/bash
# usage: check_integer.sh <build folder> [tool prefix]
# The int8 run path computes in integers: no floating-point arithmetic, comparison or conversion in its objects, apart
# from the lines of the functions named below. Moves and bit operations on vector registers are no arithmetic.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 prefix=${2:-}

# The objects of the int8 run path. Every pattern must match something: a renamed file may not slip out of the test.
run_path=(simd/ref simd/table models/linear simd/sparse_routes models/attention models/bert models/heads)
run_path+=(runtime/session runtime/base/arena runtime/base/thread)
# Not of it: the f32 path and what only convert uses.
other='_f32'
# What may use floating point in it: the function that turns final integers into the user's floats, by its source lines
# (the compiler may inline it).
allowed_file=runtime/session.c allowed_function=to_floats
allowed=$(awk -v f="[ *]$allowed_function[(]" '$0 ~ f && !/;/ && !from { from = NR }
    from && /^}/ { print from "-" NR; exit }' $allowed_file)
[ -n "$allowed" ] || { echo "no $allowed_function in $allowed_file"; exit 1; }

machine=$("${prefix}objdump" -f "$dir/obj/runtime/base/status.o" | sed -n 's/^architecture: \([^,]*\),.*/\1/p')
case $machine in
i386:x86-64)
    run_path+=(simd/x86)
    float='add|sub|addsub|mul|div|sqrt|min|max|rcp(14)?|rsqrt(14)?|hadd|hsub|dp|round|rndscale|scalef|getexp|getmant'
    float="$float|cmp[a-z]*|u?comi|fn?m(add|sub|addsub|subadd)[0-9]*"
    float="^(v?($float)[sp][sdh]|v?cvt[a-z0-9]*|f[a-z0-9]+)\$"
    harmless='^(cmps[bwl]?|fs|fxsave|fxrstor)$' ;;
aarch64)
    run_path+=(simd/arm)
    float='^(f[a-z0-9]+|[su]cvtf|bf[dmc][a-z0-9]*)$'
    harmless='^(fmov|fcsel)$' ;;
arm*)
    run_path+=(simd/arm)
    float='^v[a-z0-9]+(\.[a-z0-9]+)*\.f(16|32|64)(\..*)?$'
    harmless='^v(mov|ldr|str|push|pop|ldm|stm)[a-z]*\.' ;;
*) echo "nothing to check for $machine"; exit 0 ;;
esac

errors=0 objects=0
for part in "${run_path[@]}"; do
    found=$(find "$dir/obj/${part%/*}" -path "$dir/obj/$part*" -name '*.o' | sort)
    if [ -z "$found" ]; then
        echo "no object matches $part"
        errors=$((errors + 1))
    fi
    for object in $found; do
        [[ ! $object =~ $other ]] || continue
        objects=$((objects + 1))
        lines=$("${prefix}objdump" -d -l --no-show-raw-insn "$object" | awk -F'\t' \
            -v float="$float" -v harmless="$harmless" \
            -v file="$allowed_file" -v from="${allowed%-*}" -v to="${allowed#*-}" '
            /^[0-9a-f]+ <.*>:$/ { f = $0; sub(/^[0-9a-f]+ </, "", f); sub(/>:$/, "", f); at = ""; next }
            /^[^ \t]*:[0-9]+( |$)/ { at = $1; sub(/ .*/, "", at); next }
            /^ *[0-9a-f]+:\t/ {
                split($2, w, /[ \t]+/); m = w[1]
                if (m ~ /^(lock|rep|repz|repnz|notrack|bnd|data16|cs|ds)$/) m = w[2]
                if (m !~ float || m ~ harmless) next
                line = at; sub(/.*:/, "", line); path = at; sub(/:[0-9]*$/, "", path)
                same = substr(path, length(path) - length(file) + 1) == file
                if (same && line + 0 >= from + 0 && line + 0 <= to + 0) next
                print f " (" at "): " $2 " " $3
            }')
        if [ -n "$lines" ]; then
            echo "$object computes in floating point:"
            head -20 <<<"$lines" | sed 's/^/    /'
            errors=$((errors + 1))
        fi
    done
done
echo "$machine: $objects objects of the int8 run path"
[ $errors = 0 ]
