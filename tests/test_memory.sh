#!/bin/bash
# usage: tests/test_memory.sh [PATH-TO-TERN]      (else $TERN_BUILD/tern, as tests/run.sh sets it; $TERN_RUN: an emulator)
# The file is mapped and never copied: the peak of resident memory of `tern classify` is at most the file's size and
# 12 MiB, for one text, for many lines, for two threads, for a text as long as the model takes. tests/peak_rss.c asks the
# kernel. Under an emulator it would count the emulator, with a sanitizer its shadow: both are skipped.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
tern=${1:-${TERN_BUILD:-build/x86_64-linux-gnu}/tern}
peak_rss=$(dirname "$tern")/tests/peak_rss
model=models/sentiment-mini.tern
skip() { echo "skipped: $*"; exit 77; }
[ -z "${TERN_RUN:-}" ] || skip "under an emulator its own memory would be counted"
for file in "$tern" "$peak_rss" $model; do [ -e "$file" ] || skip "$file is not there"; done
if nm "$tern" 2>/dev/null | grep -q -E ' __[at]san_init'; then skip "built with a sanitizer"; fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
limit=$(($(stat -c %s $model) / 1024 + 12 * 1024))
failed=0

# peak NAME ARGUMENTS...: with $work/in on standard input.
peak() {
    local name=$1 rc=0 kib verdict=ok
    shift
    "$peak_rss" "$tern" classify $model "$@" <"$work/in" >/dev/null 2>"$work/err" || rc=$?
    kib=$(tail -1 "$work/err")
    if [ $rc != 0 ] || ! [ "$kib" -gt 0 ] || [ "$kib" -gt $limit ]; then verdict=FAIL failed=1; fi
    printf '%-4s  %-12s peak %d KiB, at most %d; exit %d\n' $verdict "$name" "$kib" $limit $rc
    [ $verdict = ok ] || sed 's/^/      | /' "$work/err"
}

: >"$work/in"
peak "one text" "It was a fine and quiet film."
peak "two threads" -t 2 "It was a fine and quiet film."
peak "a long text" --truncate head "$(yes good | head -2000 | tr '\n' ' ')"
for i in $(seq 2000); do echo "The ${i}th film of the year is slow, but it has its moments."; done >"$work/in"
peak "2,000 lines"
peak "and threads" -t 2
peak "one by one" -b 1 -t 1
for i in $(seq 50); do yes good | head -400 | tr '\n' ' '; echo; done >"$work/in"
peak "long lines" -t 2
exit $failed
