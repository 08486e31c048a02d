#!/bin/sh
# Compares Tern's tokenizer with Hugging Face's, id by id, on the lines of tests/golden/make_lines.py.
# Usage: tools/peers/tokenizer/run.sh [DATA_DIR]     (default ../shared/data; needs node, npm and python3)
# DATA_DIR has text/ (any text files) and vocab/ (bert-base-*-vocab.txt and *-tokenizer.json).
# DRIVER names a built tests/tokenize_lines.c; without it one is built here.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
data=$(cd "${1:-$root/../shared/data}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -d "$here/node_modules/tokenizers" ]; then
    (cd "$here" && npm ci --omit-lockfile-registry-resolved --no-audit --no-fund --silent)
fi
driver=${DRIVER:-}
if [ -z "$driver" ]; then
    driver=$work/tokenize_lines
    make -s -C "$root" lib
    library=$(cd "$root" && echo "$PWD/$(make -s --no-print-directory print-BUILD)/libtern.a")
    ${CC:-cc} -std=c11 -O2 -D_GNU_SOURCE -I"$root" -o "$driver" "$root"/tests/tokenize_lines.c "$library" \
        -ljansson -lutf8proc -lxxhash -lpthread -lm
fi

python3 "$root/tests/golden/make_lines.py" "$data/text" > "$work/lines"
total=0 different=0

# compare NAME TOKENIZER_FOR_TERN TOKENIZER_JSON [CAPACITY SIDE]
compare() {
    name=$1 ours=$2 theirs=$3
    shift 3
    "$driver" "$ours" "$@" < "$work/lines" > "$work/ours"
    node "$here/compare.mjs" ids "$theirs" "$@" < "$work/lines" > "$work/theirs"
    n=$(wc -l < "$work/theirs")
    # A line that one side lacks counts as different too.
    bad=$(awk 'NR == FNR { ours[FNR] = $0; n = FNR; next } ours[FNR] != $0 || FNR > n { bad++ }
               END { print bad + (n > FNR ? n - FNR : 0) }' "$work/ours" "$work/theirs")
    echo "$name${1:+ $*}: $n lines, $((n - bad)) identical, $bad different"
    if [ "$bad" -gt 0 ]; then
        diff "$work/ours" "$work/theirs" | head -n 6 | cut -c 1-300
    fi
    total=$((total + n)) different=$((different + bad))
}

for vocabulary in uncased:uncased cased:cased chinese:uncased multilingual-cased:cased uncased:lower; do
    case=${vocabulary#*:} name=bert-base-${vocabulary%:*}
    # A checkpoint directory with vocab.txt on our side; on theirs the tokenizer.json that they would make of it.
    rm -rf "$work/model" && mkdir "$work/model"
    cp "$data/vocab/$name-vocab.txt" "$work/model/vocab.txt"
    case $case in
    uncased) echo '{"do_lower_case": true}' ;;
    cased) echo '{"do_lower_case": false}' ;;
    lower) echo '{"do_lower_case": true, "strip_accents": false}' ;;
    esac > "$work/model/tokenizer_config.json"
    node "$here/compare.mjs" json "$work/model/vocab.txt" "$case" > "$work/$name.json"
    compare "$name $case" "$work/model" "$work/$name.json"
done
compare "bert-base-uncased tokenizer.json" "$work/bert-base-uncased.json" "$work/bert-base-uncased.json" 16 head
compare "bert-base-uncased tokenizer.json" "$work/bert-base-uncased.json" "$work/bert-base-uncased.json" 17 tail
for json in "$data"/vocab/*-tokenizer.json; do
    compare "$(basename "$json" .json)" "$json" "$json"
    compare "$(basename "$json" .json)" "$json" "$json" 128 head
done
echo "$total lines, $((total - different)) identical, $different different"
[ "$different" -eq 0 ]
