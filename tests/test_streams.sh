#!/bin/bash
# usage: tests/test_streams.sh [path of the tern program]     TERN_BUILD names its folder otherwise, TERN_RUN an emulator.
# Texts in lines, JSON, tables and NUL-separated; files of answers that a killed run leaves and another goes on with;
# progress. tests/test_forms.c holds the readers. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${1:-${TERN_BUILD:-build/x86_64-linux-gnu}/tern}
[ -x "$bin" ] || { echo "skipped: $bin is not built"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
unset TERN_ISA
export XDG_CACHE_HOME=$work/cache
model=$work/labels.tern ner=$work/ner.tern

# shellcheck disable=SC2086 # TERN_RUN is a command with its options
tern() { ${TERN_RUN:-} "$bin" "$@"; }
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL: $*"; }
is() { if [ "$2" = "$3" ]; then pass; else fail "$1: '$2', not '$3'"; fi; }
same() { if cmp -s "$2" "$3"; then pass; else fail "$1"; fi; }
# refused CODE PATTERN ARGUMENTS...: that exit code and one line on stderr that matches. Standard input is $work/in.
refused() {
    local want=$1 pattern=$2 got
    shift 2
    tern "$@" >"$work/out" 2>"$work/err" <"$work/in"
    got=$?
    if [ $got != "$want" ]; then fail "tern $*: exit $got, not $want: $(cat "$work/err")"
    elif [ "$(wc -l <"$work/err")" != 1 ]; then fail "tern $*: $(wc -l <"$work/err") lines on stderr"
    elif ! grep '^tern: ' "$work/err" | grep -q -e "$pattern"; then fail "tern $*: '$(cat "$work/err")' is not about '$pattern'"
    else pass; fi
}
for case in 01-multilabel 03-ner-with-pooler; do
    tern convert -q tests/golden/cases/$case -o "$work/$case.tern" 2>/dev/null || fail "convert $case"
done
mv "$work/01-multilabel.tern" "$model"
mv "$work/03-ner-with-pooler.tern" "$ner"
: >"$work/in"

# ---- Forms: the same texts give the same answers ----

printf 'the movie was great\ncat, "dog"\nParis is fast\n' >"$work/texts"
printf 'the movie was great\0cat, "dog"\0Paris is fast' >"$work/null"
printf '{"text":"the movie was great"}\n{"id":1,"text":"cat, \\"dog\\""}\n\n{"text":"Paris is fast"}' >"$work/t.jsonl"
printf 'id,text\n1,the movie was great\n2,"cat, ""dog"""\n3,Paris is fast\n' >"$work/t.csv"
printf 'id\ttext\n1\tthe movie was great\n2\tcat, "dog"\n3\tParis is fast\n' >"$work/t.tsv"
tail -n +2 "$work/t.csv" >"$work/bare"
for c in "classify $model" "tag $ner" "embed $model" "tokenize $model"; do
    name=${c%% *}
    # shellcheck disable=SC2086
    {
        tern $c --json <"$work/texts" >"$work/want"
        is "answers of $name" "$(wc -l <"$work/want")" 3
        # The options, and - or a file; NAME< is standard input.
        for how in '--input texts' '-0 null<' '--null --input null' '--form null null<' '--input t.jsonl' \
            '--field text t.jsonl<' '--form jsonl t.jsonl<' '--input t.csv' '--column text t.csv<' '--column 2 bare<' \
            '--form csv t.csv<' '--input t.tsv' '--column text t.tsv<' '--column text --form tsv --input t.tsv'; do
            file=$work/${how##* }
            case $how in
            *'<') tern $c --json ${how% *} - <"${file%<}" >"$work/got" ;;
            *) tern $c --json ${how% *} "$file" >"$work/got" ;;
            esac
            same "$name of $how" "$work/got" "$work/want"
        done
        tern $c --json --input "$work/t.csv" -o "$work/file" && same "$name -o FILE" "$work/file" "$work/want"
        tern $c --json --input "$work/t.csv" --out - >"$work/file" && same "$name --out -" "$work/file" "$work/want"
    }
done
printf '{"q":"cat","d":"dog"}\n' >"$work/pair.jsonl"
printf 'q,d\ncat,dog\n' >"$work/pair.csv"
printf 'cat\tdog\n' >"$work/pair"
tern tokenize "$model" --pair --ids <"$work/pair" >"$work/want"
for how in '--field q,d' '--field q --field d'; do
    # shellcheck disable=SC2086
    tern tokenize "$model" --ids $how --input "$work/pair.jsonl" >"$work/got"
    same "a pair by $how" "$work/got" "$work/want"
done
tern tokenize "$model" --ids --column q,d --input "$work/pair.csv" >"$work/got"
same 'a pair in columns' "$work/got" "$work/want"
refused 2 'takes texts, not pairs' tag "$ner" --field q,d
refused 2 'two names are wanted' classify "$model" --pair --field q
refused 2 'one of them is enough' classify "$model" --field a --column b
refused 2 'one of them is enough' classify "$model" -0 --column b
refused 2 '--null is not for --form csv' classify "$model" -0 --form csv
refused 2 '--field is not for --form csv' classify "$model" --field a --form csv
refused 2 "--form is lines, null, jsonl, csv or tsv, not 'xml'" classify "$model" --form xml
refused 2 'takes a name, or two' classify "$model" --field a,b,c
refused 2 'more than 2 times' classify "$model" --field a --field b --field c
refused 2 '--column 0: the limits' classify "$model" --column 0
refused 2 'leave out those of the command line' classify "$model" --input "$work/texts" text
refused 2 'are for --input and standard input' classify "$model" --field a text
refused 1 'absent: cannot open' classify "$model" --input "$work/absent"

# eval beside vectors of the same texts.
tern embed "$model" -o "$work/v.npy" --input "$work/t.csv"
for how in '--column text t.csv' '--form tsv t.tsv' '--field text t.jsonl' '-0 null'; do
    # shellcheck disable=SC2086
    is "eval of $how" "$(tern eval "$model" --against "$work/v.npy" ${how% *} "$work/${how##* }" 2>&1 |
        grep -c '^n  *3$\|^cosine  *1.000000$')" 2
done
refused 2 "a task's file shows itself" eval "$model" --task stsb --column text "$work/t.csv"

# What is wrong is named by its line, which is not the number of the text.
printf 'id,text\n1,"a\nb"\n2,c,d\n3,e\n4,"f\n5,g\n' >"$work/bad.csv"
refused 4 'bad.csv:4: has 3 columns, where' classify "$model" --input "$work/bad.csv"
is 'answers before it' "$(wc -l <"$work/out")" 1
tern classify "$model" --json --keep-going --input "$work/bad.csv" >"$work/out" 2>"$work/err"
is 'exit code of a bad table' $? 4
is 'lines of a bad table' "$(sed -n 's/.*"error".*"line":\([0-9]*\)}$/\1/p' "$work/out" | tr '\n' ' ')$(wc -l <"$work/out")" '4 6 5'
is 'how many' "$(grep -c '^tern: 2 of 5 texts were refused, the first of them: .*bad.csv:4$' "$work/err")" 1
printf '{"text":"a"}\n\n{"text":"b"\n{"text":"c"}\n' >"$work/in"
refused 4 'line 3: bad JSON at line 1 column' classify "$model" --field text
# A quote without its other on a pipe that goes on: the run held all of it in memory.
{ printf 'text\n"a\ncat\n'; head -c 17000000 /dev/zero | tr '\0' 'b'; printf '\ncat\n'; } |
    tern tokenize "$model" --form csv --column text --keep-going - 2>"$work/err" | cut -c 1-60 >"$work/out"
is 'a quote without its other' "$(sed 1q "$work/out") $(wc -l <"$work/out") $(grep -c 'within 16 MiB' "$work/out")" \
    '!error	2	a field begins with a quote, and no other ends it w 4 0'
# The rest of such a line was a text of its own.
{ printf 'text\n"a'; head -c 17000000 /dev/zero | tr '\0' 'b'; printf '\ncat\n'; } |
    tern tokenize "$model" --form csv --column text --keep-going - 2>"$work/err" | cut -c 1-60 >"$work/out"
is 'and all in one line' "$(cut -c 1-12 "$work/out" | tr '\n' '|')" '!error	2	a f|[CLS] cat [S|'
is 'a bad line of JSON' "$(tern classify "$model" --keep-going --field text <"$work/in" 2>/dev/null | cut -c 1-17 | sed -n 2p)" \
    "$(printf '!error\t3\tbad JSON')"
: >"$work/in"
refused 4 "t.csv:1: the header has no column 'txt'" classify "$model" --input "$work/t.csv" --column txt

# ---- Files of answers ----

for i in $(seq 60); do echo "the movie number $i was great, not slow"; done >"$work/texts"
sed '30s/.*/bad \o377/' "$work/texts" >"$work/refused"
tern tag "$ner" --keep-going --input "$work/refused" -o "$work/full.tag" 2>/dev/null
is 'exit code' $? 4
# A file that was cut anywhere becomes the whole one.
resumed() { # NAME ARGUMENTS...
    local name=$1 size cut
    rm -f "$work/full"
    shift
    tern "$@" --keep-going --input "$work/refused" -o "$work/full" --resume 2>/dev/null
    is "exit code of $name" $? 4
    size=$(wc -c <"$work/full")
    for cut in 0 1 7 130 $((size / 3)) $((size * 3 / 4)) $((size - 1)) "$size"; do
        head -c "$cut" "$work/full" >"$work/part"
        tern "$@" --keep-going --input "$work/refused" -o "$work/part" --resume 2>"$work/err"
        is "exit code of $name behind $cut bytes" $? 4
        same "$name behind $cut bytes" "$work/part" "$work/full"
    done
    head -c $((size * 3 / 4)) "$work/full" >"$work/part"
    cp "$work/part" "$work/before"
    refused 2 'resume it with --keep-going' "$@" --input "$work/texts" -o "$work/part" --resume
    refused 2 'part: cannot be resumed: its last answer is not' "$@" --keep-going --input "$work/bad.csv" --column 1 --form csv \
        -o "$work/part" --resume
    same "$name is left as it was" "$work/part" "$work/before"
}
head -60 "$work/texts" | sed 's/^/other /; s/$/,1/' >"$work/bad.csv"
resumed 'JSON labels' classify "$model" --json
resumed 'labels' classify "$model"
resumed 'tags' tag "$ner"
same 'a file without --resume' "$work/full" "$work/full.tag"
resumed 'rows' embed "$model"
resumed 'NumPy rows' embed "$model" --format npy
is "NumPy's header" "$(head -c 128 "$work/full" | grep -a -o '(60, [0-9]*)')" '(60, 32)'
resumed 'pieces' tokenize "$model" --offsets
tern embed "$model" --keep-going --input "$work/refused" -o "$work/whole.npy" 2>/dev/null
tern embed "$model" --keep-going --input "$work/refused" -o "$work/part.npy" --resume 2>/dev/null
same 'NumPy rows without --resume' "$work/part.npy" "$work/whole.npy"
tern classify "$model" --json --input "$work/texts" -o "$work/part"
refused 2 'its last answer is not' classify "$model" --input "$work/texts" -o "$work/part" --resume
refused 2 'its last answer is not' embed "$model" --json --input "$work/texts" -o "$work/part" --resume
head -20 "$work/texts" >"$work/few"
refused 2 'more answers than there are texts' classify "$model" --json --input "$work/few" -o "$work/part" --resume
printf 'a letter to my mother' >"$work/letter"
refused 2 'what lies in it is no answer' classify "$model" --input "$work/texts" -o "$work/letter" --resume
is 'a file of something else' "$(cat "$work/letter")" 'a letter to my mother'
refused 2 'does not begin as a file of this format' embed "$model" --format npy --input "$work/texts" -o "$work/letter" --resume
refused 2 '--resume goes on in a file' classify "$model" --resume x
refused 2 '--resume is for regular files' classify "$model" --resume -o /dev/null x
refused 2 'own input' classify "$model" --input "$work/texts" -o "$work/texts"
refused 2 'own input' tokenize "$model" -o "$model" x
is 'texts that are still there' "$(wc -l <"$work/texts")" 60
if [ -w /dev/full ]; then
    refused 1 'cannot write to /dev/full: No space left' classify "$model" -o /dev/full x
fi

# Killed in the middle, twice: the first half comes through a FIFO that nobody closes.
if [ -z "${TERN_RUN:-}" ]; then
    tern classify "$model" --json --input "$work/texts" -o "$work/full"
    mkfifo "$work/fifo"
    for part in 20 45; do
        exec 9<>"$work/fifo"
        [ $part != 20 ] || rm -f "$work/killed"
        "$bin" classify "$model" --json --input "$work/fifo" -o "$work/killed" -b 4 --resume 9>&- 2>/dev/null &
        child=$!
        head -$part "$work/texts" >&9
        # What is in a buffer is lost with the program.
        for _ in $(seq 300); do
            [ -s "$work/killed" ] && [ "$(wc -l <"$work/killed")" -ge $((part - 20)) ] && break
            sleep 0.05
        done
        kill -KILL $child 2>/dev/null
        wait $child 2>/dev/null
        exec 9>&-
        is "the size after $part texts" "$([ "$(wc -c <"$work/killed")" -lt "$(wc -c <"$work/full")" ] && echo smaller)" smaller
    done
    is 'what the killed runs left' "$([ -s "$work/killed" ] && echo something)" something
    tern classify "$model" --json --input "$work/texts" -o "$work/killed" --resume
    is 'exit code of the last run' $? 0
    same 'killed twice and resumed' "$work/killed" "$work/full"
fi

# ---- Progress and the summary ----

tern classify "$model" --summary --input "$work/texts" >/dev/null 2>"$work/err"
is 'the summary' "$(sed 's/in [0-9.]* s: [0-9.]* texts.s, [0-9]* tokens.s/X/; s/[0-9]* tokens/N tokens/' "$work/err")" '60 texts, N tokens X'
tern classify "$model" --input "$work/texts" >/dev/null 2>"$work/err"
is 'stderr that is no terminal' "$(wc -c <"$work/err")" 0
if [ -z "${TERN_RUN:-}" ] && command -v python3 >/dev/null; then
    # One text, a pause, the others: the line is drawn after half a second, and erased at the end.
    on_terminal() {
        python3 -c '
import os, pty, sys
sys.exit(pty.spawn(["sh", "-c", sys.argv[1]]) >> 8)' "$1" </dev/null | tr '\r' '\n'
    }
    export TERM=xterm
    on_terminal "{ head -1 '$work/texts'; sleep 1; cat '$work/texts'; } | '$bin' classify '$model' >'$work/out'" >"$work/seen"
    is 'progress of a pipe' "$(grep -c '^[0-9]* texts, [0-9.]*/s *$' "$work/seen" | sed 's/^[1-9][0-9]*$/some/')" some
    is 'a summary on a terminal' "$(grep -c '^61 texts, [0-9]* tokens in' "$work/seen")" 1
    on_terminal "'$bin' classify '$model' --input '$work/texts'" >"$work/seen"
    is 'answers on a terminal, and nothing else' "$(grep -c 'tokens in\|/s' "$work/seen")" 0
    on_terminal "'$bin' classify '$model' text >'$work/out'" >"$work/seen"
    is 'one text' "$(wc -c <"$work/seen")" 0
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
