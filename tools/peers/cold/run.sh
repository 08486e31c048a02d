#!/bin/bash
# usage: run.sh TERN [ROUNDS]
# From exec to the first answer, whole processes in turns, median and least: `tern classify` on a file of the DistilBERT
# shape, 14 words, against a small C program that opens an int8 graph of that shape in ONNX Runtime and runs 16 tokens.
# The files are in the page cache. One thread each.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tern=$(realpath "$1") rounds=${2:-25}
cd "$here/../../.."
work=build/peers
lib=$(ls -d "$here"/../node_modules/onnxruntime-node/bin/napi-v*/linux/x64 2>/dev/null | tail -1) || true
graph=$work/distilbert-int8.onnx
[ -n "$lib" ] && [ -e $graph ] || { echo "first: make bench-peers (it fetches ONNX Runtime and makes the graph)" >&2; exit 1; }
if [ ! -e $work/distilbert.tern ]; then
    "${PYTHON-/usr/bin/python3}" "$here/make_checkpoint.py" $work/checkpoint
    "$tern" convert $work/checkpoint -o $work/distilbert.tern --quiet
    rm -r $work/checkpoint
fi
gcc -O2 -Wall -Wextra -o $work/ort_first "$here/ort_first.c" "$lib/libonnxruntime.so.1" -Wl,-rpath,"$lib"
text="aaaa aaab aaac aaad aaae aaaf aaag aaah aaai aaaj aaak aaal aaam aaan"
now() { date +%s%N; }
timed() { # FILE COMMAND...
    local out=$1 start
    shift
    start=$(now)
    "$@" >/dev/null
    echo $((($(now) - start) / 1000)) >>"$out"
}
rm -f $work/cold-*.us
for ((i = 0; i < rounds; i++)); do
    timed $work/cold-tern.us "$tern" classify $work/distilbert.tern -t 1 "$text"
    timed $work/cold-ort.us $work/ort_first $graph 16
    timed $work/cold-nothing.us /bin/true
done
median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] / 1000 }'; }
least() { sort -n "$1" | head -1 | awk '{ print $1 / 1000 }'; }
echo "| exec to first answer, $rounds rounds | median ms | least ms |"
echo "|---|---:|---:|"
for peer in tern ort nothing; do
    echo "| $peer | $(median $work/cold-$peer.us) | $(least $work/cold-$peer.us) |"
done
echo
echo "ort / tern: $(echo "$(median $work/cold-ort.us) $(median $work/cold-tern.us)" | awk '{ printf "%.1f", $1 / $2 }') (medians, what starting any process takes included)"
