#!/bin/bash
# usage: check_integer.sh <build folder> [tool prefix]
# The int8 run path computes in integers: no floating-point arithmetic, comparison or conversion in its objects, apart
# from the functions named below. Moves and bit operations on vector registers are no arithmetic.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 prefix=${2:-}

# The objects of the int8 run path. Every pattern must match something: a renamed file may not slip out of the test.
run_path=(simd/ref simd/table quant/linear)
# Not of it: the f32 path and what only convert uses.
other='_f32|_fma\.o'
# What may use floating point in it: the functions that turn final integers into the user's floats.
allowed='^tern_[a-z0-9_]*to_float[a-z0-9_]*$'

machine=$("${prefix}objdump" -f "$dir/obj/runtime/status.o" | sed -n 's/^architecture: \([^,]*\),.*/\1/p')
case $machine in
i386:x86-64)
    run_path+=(simd/x86)
    float='^(v?(add|sub|addsub|mul|div|sqrt|min|max|rcp(14)?|rsqrt(14)?|hadd|hsub|dp|round|rndscale|scalef|getexp|getmant|cmp[a-z]*|u?comi|fn?m(add|sub|addsub|subadd)[0-9]*)[sp][sdh]|v?cvt[a-z0-9]*|f[a-z0-9]+)$'
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
        lines=$("${prefix}objdump" -d --no-show-raw-insn "$object" | awk -F'\t' -v float="$float" -v harmless="$harmless" -v allowed="$allowed" '
            /^[0-9a-f]+ <.*>:$/ { f = $0; sub(/^[0-9a-f]+ </, "", f); sub(/>:$/, "", f); next }
            /^ *[0-9a-f]+:\t/ {
                split($2, w, /[ \t]+/); m = w[1]
                if (m ~ /^(lock|rep|repz|repnz|notrack|bnd|data16|cs|ds)$/) m = w[2]
                if (m ~ float && m !~ harmless && f !~ allowed) print f ": " $2 " " $3
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
