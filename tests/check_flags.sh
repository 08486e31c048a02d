#!/bin/bash
# usage: check_flags.sh
# The user's words reach every command, in an order in which they mean what they say. Little is compiled: most of it is
# what make would run.
set -uo pipefail
cd "$(dirname "$0")/.."
build=build/check/flags
errors=0
fail() { echo "$*"; errors=$((errors + 1)); }
makes() { make --no-print-directory BUILD=$build WERROR=1 "$@" 2>&1; }
# commands <words of make...>: what would be run from nothing, a command in each line.
commands() { rm -rf $build && makes -n "$@"; }
cross() { command -v "$1-gcc" >/dev/null && [ -e ".sysroot/$2/usr/include" ]; }

# every <word> <kind> <lines>: they are there, and all have the word.
every() {
    [ "$(grep -c . <<<"$3")" -gt 10 ] || fail "hardly any $2: the check has gone blind"
    if grep -v -e " $1" <<<"$3" | sed 's/^\(.\{150\}\).*/\1/' | head -3 | grep .; then
        fail "$1 does not reach every $2"
    fi
}
all=$(commands all tests bench-shared fuzz-run bench-onednn CFLAGS=-DMARK_C CPPFLAGS=-DMARK_PP LDFLAGS=-LMARK_LD |
    grep -E '^[a-z-]*cc .* -o ')
compiles=$(grep -E ' -c | tools/peers/.*\.c ' <<<"$all")
links=$(grep -v ' -c ' <<<"$all")
every -DMARK_C command "$all"
every -DMARK_PP compilation "$compiles"
every -LMARK_LD link "$links"

# An ISA's flags stand behind the user's, which ended in #error once, and the probe knows the user's.
isas_left_out() { make -s --no-print-directory print-NO_ISAS "$@" 2>&1; }
objects() { rm -rf $build && makes -k "$@" || fail "does not build: make $*"; }
if [ "$(uname -m)" = x86_64 ]; then
    for flags in '-O0 -mno-avx512f -mno-avx2 -mno-fma -mno-sse4.1' '-O0 -march=x86-64' '-O0 -march=x86-64-v3 -mno-avx512vnni'; do
        [ -z "$(isas_left_out CFLAGS="$flags")" ] || fail "CFLAGS='$flags' leaves out: $(isas_left_out CFLAGS="$flags")"
    done
    objects CFLAGS='-O0 -mno-avx512f -mno-avx2 -mno-fma -mno-sse4.1' $build/obj/simd/x86/peak_{sse41,avx2,avx512bw,avx512vnni,amx}.o
    [ "$(isas_left_out CFLAGS='-O0 -U__AVXVNNI__')" = avxvnni ] || fail "the probe does not know CFLAGS"
fi
if cross aarch64-linux-gnu arm64; then
    for flags in '-O0 -march=armv8-a+crc' '-O0 -mcpu=cortex-a72' '-O0 -mcpu=cortex-a76 -mtune=cortex-a76'; do
        objects CROSS=aarch64-linux-gnu CFLAGS="$flags" $build/obj/simd/table.o \
            $build/obj/simd/arm/gemm_s8_{neon,dotprod,i8mm}.o
    done
fi
if cross arm-linux-gnueabihf armhf; then
    for flags in '-O0 -march=armv6+fp -marm' '-O0 -mcpu=cortex-a53'; do
        objects CROSS=arm-linux-gnueabihf CFLAGS="$flags" $build/obj/simd/table.o $build/obj/simd/arm/gemm_s8_neon.o
    done
fi

# What would change the bits of an answer is refused by its name.
for flags in '-O1 -ffast-math' -Ofast '-O1 -ffinite-math-only' '-O1 -fsingle-precision-constant'; do
    out=$(rm -rf $build && makes $build/obj/simd/table.o CFLAGS="$flags") && fail "CFLAGS='$flags' builds"
    grep -q 'answers: take .* out of CFLAGS' <<<"$out" || fail "CFLAGS='$flags': not named: $out"
done
# These are undone.
for flag in unsafe-math-optimizations associative-math reciprocal-math; do
    out=$(commands $build/obj/simd/table.o CFLAGS=-f$flag)
    grep -q -e "-f$flag .*-fno-$flag" <<<"$out" || fail "-f$flag is in force"
done
out=$(commands $build/obj/simd/table.o CFLAGS='-ffp-contract=fast -fno-signed-zeros')
grep -q -e '-ffp-contract=fast -fno-signed-zeros .*-ffp-contract=off .*-fsigned-zeros' <<<"$out" ||
    fail "-ffp-contract=fast or -fno-signed-zeros is in force"

# Hardening gives way: no warning without optimisation, nothing defined twice, the user's word last.
for flags in CFLAGS=-O0 CFLAGS='-O1 -D_FORTIFY_SOURCE=1' CPPFLAGS=-D_FORTIFY_SOURCE=1 CFLAGS='-O1 -U_FORTIFY_SOURCE'; do
    objects $build/obj/runtime/base/status.o "$flags"
done
out=$(commands $build/obj/simd/table.o CFLAGS='-O1 -fno-stack-protector')
grep -q -e '-fstack-protector-strong .*-fno-stack-protector' <<<"$out" || fail "-fno-stack-protector is overruled"

# PKG_CONFIG is asked, by its usual name; what is missing is named.
mkdir -p $build
printf '#!/bin/sh\ncase $1 in --cflags) echo -DASKED_FOR_$2 ;; --libs) echo -L/there -lfrom_$2 ;; esac\n' > build/check/ask
chmod +x build/check/ask
out=$(commands all PKG_CONFIG=build/check/ask | tr '\n' ' ')
for name in jansson libutf8proc libxxhash; do
    grep -q -e "-DASKED_FOR_$name .*-lfrom_$name" <<<"$out" || fail "PKG_CONFIG is not asked for $name"
done
out=$(commands lib PKG_CONFIG=false CC='gcc -nostdinc')
grep -q 'missing: libjansson-dev libutf8proc-dev libxxhash-dev' <<<"$out" || fail "what is missing is not named: $out"
# Without a compiler the libraries were said to be missing, and `make help` began with "cc: not found".
out=$(commands lib CC=no-compiler)
grep -q 'no compiler no-compiler; `make deps`' <<<"$out" || fail "the missing compiler is not named: $out"
out=$(commands help CC=no-compiler | grep -v '^echo') && fail "make help says more than its lines: $out"
# Where the libraries lie is in packages' descriptions: -L was taken out of them when the sysroot had no name.
out=$(commands install PKG_CONFIG=build/check/ask)
grep -q "LIBS='-L/there -lfrom_jansson" <<<"$out" || fail "the descriptions do not say where libraries lie"
# So a distribution's cross build calls make: no CROSS, and no sysroot of ours.
if cross aarch64-linux-gnu arm64; then
    out=$(commands $build/libtern.a CC=aarch64-linux-gnu-gcc PKG_CONFIG=build/check/ask CPPFLAGS='-isystem .sysroot/arm64/usr/include')
    grep -q -e '-march=armv8-a .*-DASKED_FOR_jansson' <<<"$out" || fail "CC=aarch64-linux-gnu-gcc does not build for it"
    grep -q '^[^ ]*aarch64[^ ]*ar rcs\|/aarch64-linux-gnu/bin/ar rcs' <<<"$out" || fail "not that compiler's ar: $(grep rcs <<<"$out")"
fi
rm -rf $build
[ $errors = 0 ] && echo "the user's words are heard"
