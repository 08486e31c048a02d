#!/bin/bash
# usage: check_peaks.sh <build folder> [tool prefix]
# The loops that measure peaks (simd/peak.h) multiply in their loops: AVX-512BW's peak was printed twice too high when
# the compiler had computed the one product before the loop, and AVX2's had lost its exclusive-ors.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 prefix=${2:-}
errors=0 count=0
sums=$(sed -n 's/^enum { TERN_PEAK_N_SUMS = \([0-9]*\) };/\1/p' simd/peak.h)
flips=$(sed -n 's/^enum { N_SUMS = \([0-9]*\) };/\1/p' simd/x86/peak_flip_template.h)
# has <object> <at least> <pattern>...: so many instructions of each.
has() {
    local object=$1 least=$2 code found
    shift 2
    code=$("${prefix}objdump" -d --no-show-raw-insn "$object" | cut -f2- | sed 's/^{[a-z]*} *//')
    for pattern; do
        found=$(grep -cE "^($pattern)\b" <<<"$code" || true)
        [ "$found" -ge "$least" ] || { echo "$object: $found times $pattern, not $least"; errors=$((errors + 1)); }
    done
    count=$((count + 1))
}
for object in "$dir"/obj/simd/{x86,arm}/peak_*.o; do
    case $object in
    *_sse41.o | *_avx2.o | *_avx512bw.o) has "$object" "$flips" 'v?pxor[dq]?' v?pmaddubsw v?pmaddwd 'v?psubd' ;;
    *_avxvnni.o | *_avx512vnni.o) has "$object" "$sums" vpdpbusd ;;
    *_amx.o) has "$object" 4 tdpbssd ;;
    *_neon.o) has "$object" "$sums" 'smull|vmull.s8' 'smlal|vmlal.s8' 'sadalp|vpadal.s16' ;;
    *_dotprod.o) has "$object" "$sums" sdot ;;
    *_i8mm.o) has "$object" "$sums" smmla ;;
    esac
done
[ "$count" -gt 0 ] || { echo "no peaks under $dir"; exit 1; }
[ $errors = 0 ] && echo "$count peaks multiply"
