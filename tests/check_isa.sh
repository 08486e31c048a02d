#!/bin/bash
# usage: check_isa.sh <build folder> [tool prefix]
# No instruction above the architecture's base outside the kernel files that detection guards, in the objects and in the
# linked program. AArch64: what objdump prints is given back to the assembler, which is told -march=armv8-a and so
# refuses everything newer (LSE atomics, sdot, ...). 32-bit ARM: the attributes that the compiler leaves in each object.
# x86-64: no VEX or EVEX instruction, no register wider than 128 bits, nothing of SSE3 to SSE4.2; in the kernels of the
# row sse41 nothing newer than SSE4.1, POPCNT neither.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 prefix=${2:-}
work=$dir/check_isa
rm -rf "$work"
mkdir -p "$work"
machine=$("${prefix}objdump" -f "$dir/obj/runtime/base/status.o" | sed -n 's/^architecture: \([^,]*\),.*/\1/p')
errors=0
fail() { echo "$1"; head -20 | sed 's/^/    /'; errors=$((errors + 1)); }

# guarded <object>: a kernel of a row that needs detection. On AArch64 neon is the base.
guarded() {
    case $machine:$1 in
    aarch64:*/simd/arm/*_neon.o) return 1 ;;
    *:*/simd/arm/*.o | *:*/simd/x86/*.o | *:*/simd/ext/*.o) return 0 ;;
    *) return 1 ;;
    esac
}

# code <file>: "function<TAB>instruction" per line, aliases off where they would hide what the bytes are.
code() {
    "${prefix}objdump" -d --no-show-raw-insn "$1" | awk -F'\t' '
        /^[0-9a-f]+ <.*>:$/ { f = $0; sub(/^[0-9a-f]+ </, "", f); sub(/>:$/, "", f); next }
        /^ *[0-9a-f]+:\t/ { i = $2; for (n = 3; n <= NF; n++) i = i " " $n; print f "\t" i }'
}

# Addresses are of no interest and cannot be assembled again; hints (nop space) run anywhere.
newer_aarch64() {
    sed -E -e 's/ *(\/\/|;) .*//' -e 's/[0-9a-f]+ <[^>]*>$/./' | awk -F'\t' '
        { split($2, w, " "); m = w[1] }
        m ~ /^(hint|nop|bti|paci|auti|xpaclri|\.inst|\.word|udf)/ || m == "" { next }
        m ~ /^adrp?$/ { next }
        { print $1 "\t" $2 }' > "$work/listing"
    cut -f2 "$work/listing" > "$work/again.s"
    "${prefix}as" -march=armv8-a -o /dev/null "$work/again.s" 2> "$work/refused" || true
    sed -n 's/^[^:]*again\.s:\([0-9]*\): Error: \(.*\)/\1 \2/p' "$work/refused" | while read -r line message; do
        printf '%s: %s\n' "$(sed -n "${line}p" "$work/listing")" "$message"
    done
}
after_sse41='pcmpgtq|pcmp[ei]str[im]|crc32[bwlq]?|popcnt[wlq]?'
sse3_to_41='addsubp[sd]|hadd[bp][sd]|hsubp[sd]|lddqu|movddup|movs[hl]dup|palignr|pshufb|pabs[bwd]|ph(add|sub)(w|d|sw)'
sse3_to_41="$sse3_to_41|pmaddubsw|pmulhrsw|psign[bwd]|p?blend[a-z]+|dpp[sd]|extractps|insertps|movntdqa|mpsadbw"
sse3_to_41="$sse3_to_41|packusdw|pcmpeqq|pextr[bdq]|pinsr[bdq]|phminposuw|p(max|min)(sb|sd|ud|uw)|pmov[sz]x[a-z]+"
sse3_to_41="$sse3_to_41|pmuldq|pmulld|ptest|round[sp][sd]"
newer_x86() {
    grep -E '%[yz]mm[0-9]|%k[0-7]|%tmm|%xmm(1[6-9]|2[0-9]|3[01])|'$'\t''(v[a-z0-9]+|'"$1) " |
        grep -vE $'\t''(verr|verw) ' || true
}
newer() {
    case $machine in
    aarch64) newer_aarch64 ;;
    i386:x86-64) newer_x86 "$after_sse41|$sse3_to_41" ;;
    esac
}

case $machine in
aarch64 | i386:x86-64)
    count=0 total=0
    : > "$work/guarded"
    while read -r object; do
        if guarded "$object"; then
            "${prefix}nm" "$object" | awk '$2 ~ /[tT]/ { print $3 }' >> "$work/guarded"
            case $object in
            */simd/x86/*_sse41.o)
                found=$(code "$object" | newer_x86 "$after_sse41")
                [ -z "$found" ] || fail "$object: newer than SSE4.1:" <<<"$found" ;;
            esac
            continue
        fi
        found=$(code "$object" | newer)
        [ -z "$found" ] || fail "$object: above the base:" <<<"$found"
        count=$((count + 1))
    done < <(find "$dir/obj" -path "$dir/obj/tests" -prune -o -name '*.o' -print | sort)
    [ $count -gt 0 ] || { echo "no objects under $dir/obj"; exit 1; }
    # The program holds the same code and what the compiler's own libraries added to it.
    for program in "$dir/tern" "$dir/libtern.so"; do
        [ -e "$program" ] || continue
        code "$program" | awk -F'\t' 'FILENAME != "-" { skip[$1] = 1; next } !($1 in skip)' "$work/guarded" - \
            > "$work/program"
        total=$((total + $(wc -l < "$work/program")))
        found=$(newer < "$work/program")
        [ -z "$found" ] || fail "$program: above the base:" <<<"$found"
    done
    echo "$machine: $count objects outside the guarded kernels, $total instructions in the linked files" ;;
arm*)
    count=0
    while read -r object; do
        ! guarded "$object" || continue
        found=$("${prefix}readelf" -A "$object" |
            grep -E 'Tag_(Advanced_SIMD_arch|FP_arch: .*v[458])|Tag_CPU_arch: v([89]|1)' || true)
        [ -z "$found" ] || fail "$object: above ARMv7-A with VFPv3-D16:" <<<"$found"
        count=$((count + 1))
    done < <(find "$dir/obj" -path "$dir/obj/tests" -prune -o -name '*.o' -print | sort)
    echo "arm: $count objects outside the guarded kernels" ;;
*) echo "nothing to check for $machine" ;;
esac
[ $errors = 0 ]
