#!/bin/bash
# usage: tests/run.sh [--list] [JOB-PATTERN...]       (make check, make check JOBS='asan tests-*', make check CROSS=...)
# Runs the test jobs, as many side by side as there are CPUs, each into build/check/<job>.log. A job that needs a
# tool which is not there is skipped and says so. Ends with "N passed, N failed"; exit code 1 when one failed.
# Every test program gets TERN_BUILD (its build folder) and TERN_RUN (the emulator to start programs with, or nothing).
set -uo pipefail
cd "$(dirname "$0")/.."
# What make passes down would override the jobs' own choices.
unset MAKEFLAGS MAKELEVEL MAKEOVERRIDES MFLAGS CC CFLAGS CPPFLAGS LDFLAGS AR TERN_ISA
unset PKG_CONFIG PKG_CONFIG_PATH PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR
# As users build it, of debugging symbols only the lines, which check_integer.sh asks for: the rest takes a tenth of a
# compiler's time.
export CFLAGS='-O2 -g1'
CROSS=${CROSS:-}
OUT=build/check
NATIVE=$OUT/gcc
mkdir -p $OUT
passed=0 failed=0 skipped=0 list=0
[ "${1:-}" != --list ] || { list=1; shift; }
patterns=("$@")

# ---- Jobs: their machinery -----------------------------------------------------------------------------------------

wanted() {
    [ ${#patterns[@]} -gt 0 ] || return 0
    local p
    for p in "${patterns[@]}"; do
        # shellcheck disable=SC2053
        [[ $1 == $p ]] && return 0
    done
    return 1
}

# job <name> <command...>: the command runs in a subshell under `set -e`; `skip` ends it without a verdict. The verdict
# says what it took, by the clock and by the CPUs, which others that run beside it do not change.
job() {
    local name=$1 log=$OUT/$1.log rc start=$SECONDS took
    shift
    wanted "$name" || return 0
    [ $list = 0 ] || { echo "$name"; return 0; }
    (trap "times >'$log.times'" EXIT; set -e; "$@") >"$log" 2>&1 </dev/null
    rc=$?
    took="$((SECONDS - start)) s, $(cpu_seconds <"$log.times") s of CPU"
    rm "$log.times"
    case $rc in
    0) passed=$((passed + 1)); printf 'ok    %-28s %s\n' "$name" "$took" ;;
    77) skipped=$((skipped + 1)); printf 'skip  %-28s %s\n' "$name" "$(tail -1 "$log")" ;;
    *) failed=$((failed + 1))
        printf 'FAIL  %-28s %s, exit %d; the end of %s:\n' "$name" "$took" $rc "$log"
        tail -25 "$log" | sed 's/^/      | /' ;;
    esac
}
# The sum of what the shell's `times` prints ("0m1.234s"), whole seconds.
cpu_seconds() { tr ' ' '\n' | awk -F'[ms]' 'NF > 1 { sum += $1 * 60 + $2 } END { printf "%d", sum }'; }
# later <name> <command...>: the same beside others, as many as there are CPUs (an emulator keeps one busy). Its verdict
# is printed when it is there, in one piece; `together` waits for all of them and counts.
queue=()
later() {
    wanted "$1" || return 0
    [ $list = 0 ] || { echo "$1"; return 0; }
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    (passed=0 failed=0 skipped=0
        job "$@" >"$OUT/$1.verdict"
        echo $passed $failed $skipped >"$OUT/$1.count"
        cat "$OUT/$1.verdict"
        rm "$OUT/$1.verdict") &
    queue+=("$1")
}
together() {
    local name p f s
    wait
    for name in ${queue[@]+"${queue[@]}"}; do
        read -r p f s <"$OUT/$name.count"
        passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
        rm "$OUT/$name.count"
    done
    queue=()
}
skip() { echo "$*"; exit 77; }
need() { local t; for t; do command -v "$t" >/dev/null 2>&1 || skip "$t is not installed"; done; }
built() { [ -e "$1" ] || skip "$1 was not built"; }
# build <build folder> <make's words...>: as much of it as can be built; what a failure leaves out is not there, so that
# no later job tests something old.
build() {
    local dir=$1
    shift
    rm -rf "$dir/tests" "$dir/tern" "$dir"/libtern.*
    make --no-print-directory -k -j"$(nproc)" BUILD="$dir" "$@"
}

# objects_from <build folder> <another>: the same compilations are not made twice, where only what is linked differs.
objects_from() {
    rm -rf "$2"
    mkdir "$2"
    cp -a "$1/obj" "$1/flags" "$2"
}

# within <command...>: ends a test that hangs, so that the others are run and the log says which it was. The longest takes
# four minutes on a slow machine, under an emulator too.
within() {
    local rc=0
    timeout -k 10 900 "$@" || rc=$?
    [ $rc != 124 ] && [ $rc != 137 ] || echo "ended after 900 s: $*"
    return $rc
}

# ---- Running the test programs -------------------------------------------------------------------------------------

# programs <build folder>: the test programs that were built there, the longest first.
programs() {
    local name
    for name in $longest; do find "$1/tests" -maxdepth 1 -type f -name "test_$name" -perm -u+x 2>/dev/null; done
    # shellcheck disable=SC2086
    find "$1/tests" -maxdepth 1 -type f -name 'test_*' $(printf -- '! -name test_%s ' $longest) -perm -u+x 2>/dev/null |
        sort
}

# isas <build folder> [emulator...]: the rows that this CPU has, one per line; while the CLI cannot tell, all there are.
isas() {
    local dir=$1 rows=''
    shift
    [ ! -x "$dir/tern" ] || rows=$("$@" "$dir/tern" info --isas 2>/dev/null) || rows=''
    [ -n "$rows" ] || rows=$(sed -n 's/^ISA(\([a-z0-9]*\),.*/\1/p' simd/isa.def)
    printf '%s\n' "$rows"
}

# run_kernels <build folder> <isa> [emulator...]: exit code 2 says that the CPU lacks the row. KERNELS: --quick, or nothing.
run_kernels() {
    local dir=$1 isa=$2 rc=0
    shift 2
    built "$dir/tests/kernels"
    within "$@" "$dir/tests/kernels" ${KERNELS:-} --isa "$isa" || rc=$?
    [ $rc != 2 ] || skip "this CPU has no $isa"
    return $rc
}

# Tests of files, words and failures, not of arithmetic: what they find depends on the size of a word at most. A program
# that is in none of these lists runs everywhere.
of_files=' account builtin_texts checkpoint config convert convert_places cpus explain file file_kind lapack model
    model_low oom plain pruned_heads safetensors sparse_file task tokenizer tokenizer_folders tokenizer_load
    tokenizer_parts torch_file weight_files writer '
# Of these, the ones for which the size of a page matters: they map files, or end where a page may end.
of_pages=' file file_kind model safetensors sparse_file weight_files writer '
# Tests of how weights are rounded or pruned, and of what that does to the answers: the digests say on every CPU, and every
# row of it, that files and answers are those which were tried natively on its best row.
of_rounding=' sparse_auto sparsify trained '
# Scripts about what the command line says and how it ends, which no word's size changes.
of_words=' cli manners '
# Those that try every row of the CPU by themselves.
of_rows=' cpu golden layers lowbit_linear sparse_linear sparse_routes table '
# The longest under an emulator, the longest first, so that shares of equal numbers are of about equal length.
longest='lowbit_linear account sentence task grid_file convert shares outliers texts vectors threads formats layers'
listed() { [[ $1 =~ [[:space:]]$2[[:space:]] ]]; }

# chosen <which> <program>: whether it is one of
#   all          every program and script: the best row of this CPU
#   sanitized    those that make sense under a sanitizer: memory would be the sanitizer's, and golden takes thousands of
#                texts down every row, whose code other programs walk with few
#   words        emulated CPUs of 32 bits: all but tests of rounding and of what the command line says
#   arithmetic   emulated CPUs of 64 bits: what is of files and scripts was tried natively, with words of 64 bits too
#   rows         each row of this CPU but the best
#   pages        an emulated kernel with larger pages
#   digests      the one that has a digest for every format of weights
chosen() {
    local name
    name=$(basename "$2" .sh)
    name=${name#test_}
    case $1:$2 in
    all:*) return 0 ;;
    sanitized:*) [ "$name" != memory ] && [ "$name" != golden ] ;;
    digests:*) [ "$name" = formats ] ;;
    pages:*.sh | arithmetic:*.sh | rows:*.sh) return 1 ;;
    pages:*) listed "$of_pages" "$name" ;;
    words:*) ! listed "$of_rounding$of_words" "$name" ;;
    arithmetic:*) ! listed "$of_files$of_rounding" "$name" ;;
    rows:*) ! listed "$of_files$of_rounding$of_rows" "$name" &&
        grep -qE 'tern_session_open|tern_cpu_select|tern_table|tests/(e2e|lies)\.h' "tests/test_$name.c" ;;
    esac
}

# run_tests <which> <build folder> [emulator...]: with the row that the library picks, or TERN_ISA.
# run_cpu does the kernels too, for every row of this CPU but those in $done_rows. Both go on after a failure and name
# what failed at the end. SHARE=I/N takes one program of N, there and back: 0 1 1 0 0 1 for N = 2, as the longest are
# first; and the digests, which every CPU gives.
run_tests() {
    bad=''
    each_test "$@"
    verdict
}
run_cpu() {
    bad=''
    local which=$1 dir=$2 isa rows ran=0
    shift 2
    built "$dir/tests/kernels"
    # Emulated CPUs share one scalar row, plain C, with all others: where there is more to test, it is left to those.
    rows=$(isas "$dir" "$@")
    [ $# = 0 ] || [ "$rows" = scalar ] || [ ! -x "$dir/tern" ] || rows=${rows#scalar}
    for isa in $rows; do
        case " ${done_rows:-} " in *" $isa "*) ran=1; continue ;; esac
        echo "== kernels --isa $isa"
        if (run_kernels "$dir" "$isa" "$@"); then ran=$((ran + 1)); elif [ $? != 77 ]; then bad="$bad kernels@$isa"; fi
    done
    [ $ran -gt 0 ] || bad="$bad no-kernels"
    # Where nothing but the kernels is built, they are all there is.
    [ -z "$(programs "$dir")" ] || each_test "$which" "$dir" "$@"
    verdict
}
each_test() {
    local which=$1 dir=$2 program start number=0 n turn
    shift 2
    [ -n "$(programs "$dir")" ] || skip "no test programs were built"
    # Scripts may work in a folder of their own, where a sysroot's path from here leads nowhere.
    export TERN_BUILD=$dir TERN_RUN="$*"
    [[ $PWD =~ [[:space:]] ]] || TERN_RUN=${TERN_RUN/QEMU_LD_PREFIX=.sysroot/QEMU_LD_PREFIX=$PWD/.sysroot}
    for program in $(programs "$dir") tests/test_*.sh; do
        [ -e "$program" ] || continue
        chosen "$which" "$program" || continue
        if [ -n "${SHARE:-}" ]; then
            n=${SHARE#*/}
            turn=$((number++ % (2 * n)))
            [ $((turn < n ? turn : 2 * n - 1 - turn)) = "${SHARE%/*}" ] || chosen digests "$program" || continue
        fi
        echo "== $program"
        start=$SECONDS
        case $program in
        *.sh) within bash "$program" || [ $? = 77 ] || bad="$bad $program" ;;
        *) within "$@" "$program" || bad="$bad $program" ;;
        esac
        echo "== $((SECONDS - start)) s"
    done
}
verdict() { [ -z "$bad" ] || { echo "failed:$bad"; return 1; }; }

# ---- Jobs: what they do --------------------------------------------------------------------------------------------

job_emulated_amx() {
    built $NATIVE/tests/kernels
    [ "$(uname -m)" = x86_64 ] || skip "AMX is x86-64's"
    # shellcheck disable=SC2046
    case " $(echo $(isas $NATIVE)) " in *" amx "*) skip "this CPU has AMX itself" ;; esac
    $NATIVE/tests/kernels --emulate
}
# CPUs without AVX, which end a program at any instruction that they lack: the rows that each is found to have, and those
# of the last, which has nothing newer than SSE4.1, no POPCNT either. Nehalem has no XSAVE and no leaf 7 of CPUID.
job_emulated_sse41() {
    [ "$(uname -m)" = x86_64 ] || skip "SSE4.1 is x86-64's"
    built $NATIVE/tests/kernels
    need qemu-x86_64-static
    local cpu rows
    for cpu in Conroe:scalar Nehalem:scalar,sse41 Denverton:scalar,sse41 Snowridge:scalar,sse41 Penryn:scalar,sse41; do
        rows=$(qemu-x86_64-static -cpu "${cpu%:*}" $NATIVE/tern info --isas | paste -sd, -)
        [ "$rows" = "${cpu#*:}" ] || { echo "${cpu%:*} has the rows $rows, not ${cpu#*:}"; return 1; }
    done
    within qemu-x86_64-static -cpu Penryn $NATIVE/tests/kernels --quick --isa sse41
    within qemu-x86_64-static -cpu Penryn $NATIVE/tests/test_formats
}
job_isa() { export TERN_ISA=$2; run_tests rows "$1"; }
# Nothing that clang makes is run here, and its warnings do not depend on the optimiser.
job_clang() { need clang; build $OUT/clang CC=clang CFLAGS=-O0 WERROR=1 all tests; }
# Compiling takes half as long with -O1 -g1 as with -O2 -g, running no longer.
job_build_asan() { build $OUT/asan CFLAGS='-O1 -g1' SANITIZE=address,undefined WERROR=1 cli tests replays; }
job_asan() {
    # No detect_stack_use_after_return: gcc's fake frames are not aligned for 64-byte vectors (its bug 110027).
    # Operands end at guard pages in every case natively, too: of sizes and values the quick choice will do here.
    export ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1 KERNELS=--quick
    run_cpu sanitized $OUT/asan
}
# Each seed of each fuzz target, without the fuzzer.
job_fuzz_seeds() {
    export ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1
    make --no-print-directory BUILD=$OUT/asan CFLAGS='-O1 -g1' SANITIZE=address,undefined WERROR=1 fuzz-seeds
}
job_tsan() {
    local name
    build $OUT/tsan CFLAGS='-O1 -g1' SANITIZE=thread $OUT/tsan/tests/test_{threads,shares,aside}
    for name in threads shares aside; do TERN_BUILD=$OUT/tsan within $OUT/tsan/tests/test_$name; done
}
job_valgrind() {
    need valgrind
    built $NATIVE/tern
    local v=(within valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite,indirect,possible
        --show-leak-kinds=definite,indirect,possible)
    "${v[@]}" $NATIVE/tern classify models/sentiment-mini.tern "A fine and quiet film." "It drags on for two hours."
    "${v[@]}" $NATIVE/tern embed models/sentiment-mini.tern --json "One text." >/dev/null
    "${v[@]}" $NATIVE/tern tokenize models/sentiment-mini.tern "One text."
    "${v[@]}" $NATIVE/tern info models/sentiment-mini.tern
}
job_demo() { built $NATIVE/tern; within tools/demo.sh $NATIVE/tern; }
# Training, where Python has what it needs; PYTHON names another one.
job_train() {
    local rc=0
    built $NATIVE/tern
    need "${PYTHON:-python3}"
    within "${PYTHON:-python3}" tests/check_train.py $NATIVE/tern || rc=$?
    [ $rc != 77 ] || skip "$("${PYTHON:-python3}" tests/check_train.py $NATIVE/tern)"
    return $rc
}
job_static() {
    build $OUT/static STATIC=1 CFLAGS=-O0 cli
    built $OUT/static/tern
    readelf -d $OUT/static/tern | grep NEEDED && { echo "needs a shared library"; return 1; }
    readelf -l $OUT/static/tern | grep INTERP && { echo "needs a dynamic loader"; return 1; }
    $OUT/static/tern info
    [ ! -e models/sentiment-mini.tern ] || $OUT/static/tern classify models/sentiment-mini.tern "A fine and quiet film."
}
# The static program with musl answers as the one with glibc does, conversion makes the same bytes (test_formats), and
# test_model knows that a file that does not open said "(null)".
job_musl() {
    [ "$(uname -m)" = x86_64 ] || skip "only x86-64's sysroot is made"
    built $NATIVE/tern
    toolchains/setup.sh x86_64-linux-musl || skip "toolchains/setup.sh x86_64-linux-musl could not get what it needs"
    local dir=$OUT/musl name
    build $dir CROSS=x86_64-linux-musl STATIC=1 CFLAGS=-O1 WERROR=1 all $dir/tests/{kernels,test_{file,formats,model,threads}}
    readelf -l $dir/tern | grep INTERP && { echo "needs a dynamic loader"; return 1; }
    for name in $NATIVE $dir; do
        "$name/tern" embed models/sentiment-mini.tern --json "A fine and quiet film." "It drags." >"$dir/$(basename "$name").json"
    done
    cmp $dir/gcc.json $dir/musl.json
    KERNELS=--quick run_kernels $dir "$(isas $dir | tail -1)"
    run_tests all $dir
}
# A build without conversion has none of its symbols and answers as the full one does.
job_run_only() {
    built $NATIVE/libtern.so
    local dir=$OUT/run-only source name rc=0
    objects_from $NATIVE $dir
    rm -r $dir/obj/quant # by which check_symbols.sh knows a library that converts
    build $dir CONVERT=0 WERROR=1 all
    built $dir/tern
    for source in quant/*.c; do
        nm -g --defined-only "$NATIVE/obj/${source%.c}.o"
    done | awk '{ print $3 }' | sort -u > $dir/convert.names
    [ -s $dir/convert.names ]
    if nm $dir/libtern.a | awk 'NF > 1 { print $NF }' | sort -u | comm -12 - $dir/convert.names | grep .; then
        echo "symbols of conversion in $dir/libtern.a"
        return 1
    fi
    if grep -qi lapack $dir/libtern.a; then
        echo "LAPACK is named in $dir/libtern.a"
        return 1
    fi
    bash tests/check_symbols.sh $dir
    cat > $dir/use.c <<'C'
#include <stdio.h>
#include "runtime/base/tern.h"
int main(int argc, char **argv)
{
    static const int32_t ids[] = {2, 17, 1203, 466, 98, 2047, 3, 2, 5000, 31, 3}, offsets[] = {0, 7, 11};
    const tern_batch batch = {ids, NULL, offsets, 2};
    const tern_session_options options = {.struct_bytes = sizeof options, .max_texts = 2};
    float logits[4];
    tern_error err;
    tern_model *model;
    tern_session *session;
    if (argc != 2 || tern_model_open(&model, argv[1], &err) || tern_session_open(&session, model, &options, &err) ||
        tern_model_get_info(model)->n_labels != 2 || tern_classify(session, &batch, logits, &err))
        return 1;
    printf("%a %a %a %a\n", (double)logits[0], (double)logits[1], (double)logits[2], (double)logits[3]);
    tern_session_close(session);
    tern_model_close(model);
    return 0;
}
C
    for name in $dir $NATIVE; do
        gcc -std=c11 -Wall -Wextra -Werror -I. -o $dir/use $dir/use.c "$name/libtern.so" -Wl,-rpath,"$PWD/$name"
        $dir/use models/sentiment-mini.tern > "$dir/use.$(basename "$name")"
    done
    cat $dir/use.run-only
    cmp $dir/use.run-only $dir/use.gcc
    $dir/tern classify models/sentiment-mini.tern "A fine and quiet film."
    $dir/tern convert somewhere -o $dir/never.tern || rc=$?
    [ $rc = 2 ] || { echo "tern convert ends with $rc, not 2"; return 1; }
}

# ---- Cross targets -------------------------------------------------------------------------------------------------

# The emulator's words for a CPU, as the Makefile has them.
emulator() { make -s --no-print-directory CROSS="$1" CPU="$2" print-RUN; }
cross_build() {
    local triple=$1
    # What cannot be fetched is skipped; what was fetched must build.
    toolchains/setup.sh "$triple" || skip "toolchains/setup.sh $triple could not get what it needs"
    need "$triple-gcc"
    build $OUT/"$triple" CROSS="$triple" WERROR=1 all tests
}
cross_run() {
    local what=$1 which=$2 triple=$3 cpu=$4 run
    shift 4
    built $OUT/"$triple"/libtern.a
    read -r -a run < <(emulator "$triple" "$cpu")
    need "${run[-1]}"
    "$what" "$which" $OUT/"$triple" "${run[@]}" "$@"
}
# A share "I/N" of these tests on a CPU, and the rows that the CPUs before it lack.
cross_share() {
    local which=$1 triple=$2 cpu=$3 before run
    export SHARE=$4
    shift 4
    for before; do
        read -r -a run < <(emulator "$triple" "$before")
        done_rows="${done_rows:-} $(isas $OUT/"$triple" "${run[@]}" | tr '\n' ' ')"
    done
    cross_run run_cpu "$which" "$triple" "$cpu"
}
# Every test of arithmetic, on 32 bits nearly every test, runs on one CPU of a target, and the digests of all formats of weights
# on each. A target of one CPU has its tests in two jobs.
cross_jobs() {
    local triple=$1 short=${1%%-*} cpus i n which=arithmetic
    [ "$short" != arm ] || which=words
    job "$short-build" cross_build "$triple"
    read -r -a cpus < <(make -s --no-print-directory CROSS="$triple" print-CPUS 2>/dev/null)
    n=${#cpus[@]}
    [ "$n" != 1 ] || [ "$short" = riscv64 ] || n=2
    for ((i = 0; i < n; i++)); do
        local cpu=${cpus[i % ${#cpus[@]}]} rest=''
        [ $i -lt ${#cpus[@]} ] || rest=-rest
        later "$short-$cpu$rest" cross_share $which "$triple" "$cpu" $i/$n "${cpus[@]:0:i}"
    done
    # A Pi 5's kernel has pages of 16 KiB.
    [ "$short" != aarch64 ] || later "$short-16k-pages" cross_run run_tests pages "$triple" cortex-a76 -p 16384
    [ "$short" = riscv64 ] || job "$short-isa" objects_of tests/check_isa.sh "$triple"
    [ "$short" = riscv64 ] || job "$short-integer" objects_of tests/check_integer.sh "$triple"
    [ "$short" = riscv64 ] || job "$short-peaks" objects_of tests/check_peaks.sh "$triple"
    [ "$short" = riscv64 ] || job "$short-size" cross_size "$triple"
    [ "$short" = riscv64 ] || job "$short-hardening" objects_of tests/check_hardening.sh "$triple"
    [ "$short" = riscv64 ] || job "$short-bare" cross_bare "$triple"
}
# size_limits <short name>: KiB of code and data of the library that runs models only, as small boards have it, and of
# the whole one: the next round number above what they were when this was written. What goes beyond was put in with a
# reason, or is fat. (The file's length says less: its segments begin at multiples of 64 KiB on AArch64.)
size_limits() {
    case $1 in
    # 649 and 1144: three sets of kernels, unwind tables, Unicode, layers that are not BERT's, answers to tasks, searches,
    # the ops of mixers, taps and distances, linear attention, products of 7 and 6 bits
    aarch64) echo 672 1184 ;;
    arm) echo 416 768 ;; # the whole one 736
    esac
}
cross_size() {
    local dir=$OUT/$1 run whole
    built "$dir/libtern.so"
    read -r run whole < <(size_limits "${1%%-*}")
    objects_from "$dir" "$dir-run" # without those of conversion
    make --no-print-directory BUILD="$dir-run" CROSS="$1" CONVERT=0 WERROR=1 lib
    fits "$1" "$dir-run" "$run"
    fits "$1" "$dir" "$whole"
}
fits() {
    local bytes
    bytes=$("$1-size" "$2/libtern.so" | awk 'NR == 2 { print $1 + $2 }')
    echo "$2/libtern.so: $bytes bytes of $(($3 * 1024))"
    [ "$bytes" -le $(($3 * 1024)) ]
}
cross_bare() {
    local sysroot emulator
    sysroot=$(make -s --no-print-directory CROSS="$1" print-SYSROOT) emulator=$(make -s --no-print-directory CROSS="$1" print-EMULATOR)
    built $OUT/"$1"/tern
    need "$emulator"
    bash tests/check_bare.sh $OUT/"$1" "$sysroot" "$emulator"
}
objects_of() { built $OUT/"$2"/libtern.a; bash "$1" $OUT/"$2" "$2-"; }

# ---- The list ------------------------------------------------------------------------------------------------------

if [ -n "$CROSS" ]; then
    cross_jobs "$CROSS"
    together
else
    later layout bash tests/check_layout.sh
    later includes bash tests/check_includes.sh
    later prose bash tests/check_prose.sh
    together
    job build-gcc build $NATIVE WERROR=1 all tests
    job build-clang job_clang
    job build-asan job_build_asan
    # What was built is tested side by side, the longest first.
    later asan job_asan
    later tests run_tests all $NATIVE
    rows=$([ ! -e $NATIVE/libtern.a ] || isas $NATIVE)
    for isa in $rows; do
        # The best row is the one that `tests` takes.
        [ "$isa" = "${rows##*$'\n'}" ] || later "tests-$isa" job_isa $NATIVE "$isa"
        later "kernels-$isa" run_kernels $NATIVE "$isa"
    done
    later kernels-amx-emulated job_emulated_amx
    later sse41-emulated job_emulated_sse41
    later tsan job_tsan
    later demo job_demo
    later valgrind job_valgrind
    later static job_static
    later format within bash tests/check_format.sh $NATIVE
    later fuzz-seeds job_fuzz_seeds
    later run-only job_run_only
    later train job_train
    later install within bash tests/check_install.sh $NATIVE
    later hardening bash tests/check_hardening.sh $NATIVE
    later bare within bash tests/check_bare.sh $NATIVE
    later lists within bash tests/check_lists.sh $NATIVE
    later symbols bash tests/check_symbols.sh $NATIVE
    later isa bash tests/check_isa.sh $NATIVE
    later integer bash tests/check_integer.sh $NATIVE
    later peaks bash tests/check_peaks.sh $NATIVE
    together
    if [ "$(uname -m)" = x86_64 ]; then
        for triple in aarch64-linux-gnu arm-linux-gnueabihf riscv64-linux-gnu; do
            cross_jobs $triple
        done
    fi
    # The sysroots are there now.
    later musl job_musl
    later flags within bash tests/check_flags.sh
    later spaces within bash tests/check_spaces.sh
    together
fi
[ $list = 0 ] || exit 0
[ $skipped = 0 ] || echo "$skipped skipped"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
