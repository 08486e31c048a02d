#!/bin/bash
# usage: tests/test_manners.sh [path of the tern program]     TERN_BUILD names its folder otherwise, TERN_RUN an emulator.
# How the command line behaves among other programs: files, descriptors, signals, streams, terminals, limits. Each test
# says what the wrong answer was. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${1:-${TERN_BUILD:-build/x86_64-linux-gnu}/tern}
[ -x "$bin" ] || { echo "skipped: $bin is not built"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
unset TERN_ISA
export XDG_CACHE_HOME=$work/cache
model=models/sentiment-mini.tern
checkpoint=tests/golden/cases/12-maxseq-over-modelmax

# shellcheck disable=SC2086 # TERN_RUN is a command with its options
tern() { ${TERN_RUN:-} "$bin" "$@"; }
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL: $*"; }
is() { if [ "$2" = "$3" ]; then pass; else fail "$1: '$2', not '$3'"; fi; }
same() { if cmp -s "$2" "$3"; then pass; else fail "$1"; fi; }
# refused CODE PATTERN ARGUMENTS...: that exit code and one line on stderr that matches. Standard input is as it is.
refused() {
    local want=$1 pattern=$2 got
    shift 2
    tern "$@" >"$work/out" 2>"$work/err"
    got=$?
    if [ $got != "$want" ]; then fail "tern $*: exit $got, not $want: $(cat "$work/err")"
    elif [ "$(wc -l <"$work/err")" != 1 ]; then fail "tern $*: $(wc -l <"$work/err") lines on stderr"
    elif ! grep '^tern: ' "$work/err" | grep -q -e "$pattern"; then fail "tern $*: '$(cat "$work/err")' is not about '$pattern'"
    else pass; fi
}
left() { find "$work" -name '*.tmp' | wc -l; }
tab=$(printf '\t')

# ---- Files ---------------------------------------------------------------------------------------------------------

tern convert -q $checkpoint -o "$work/good.tern" 2>/dev/null || fail 'convert'
# Without descriptor 2 a line of the report was written into the model. An emulator opens files of its own there.
if [ -z "${TERN_RUN:-}" ]; then
    tern convert $checkpoint -o "$work/live.tern" 2>&-
    is 'convert without descriptor 2' $? 0
    same 'the model that was written without descriptor 2' "$work/live.tern" "$work/good.tern"
    tern convert $checkpoint -o "$work/live.tern" <&- >&- 2>&-
    same 'the model that was written without descriptors' "$work/live.tern" "$work/good.tern"
    tern embed "$work/good.tern" --format f32 -o "$work/v" one two <&- 2>&-
    is 'vectors that were written without descriptor 2' "$(wc -c <"$work/v")" 256
fi
tern embed "$work/good.tern" --format f32 -o "$work/v" one two

# A file of the name - came to be.
tern convert -q "$checkpoint" -o - 2>/dev/null >"$work/piped.tern"
tern embed "$work/good.tern" -o - one two >"$work/piped.f32"
tern embed "$work/good.tern" --format npy -o - one two >"$work/piped.npy"
tern bench --shape bert-mini -s 5 -r 1 -t 1 --format jsonl --out - | grep -c '"p50_ms"' >"$work/count"
same 'convert -o -' "$work/piped.tern" "$work/good.tern"
same 'embed -o -' "$work/piped.f32" "$work/v"
# It lay in /tmp, whatever TMPDIR said.
tern convert -q "$checkpoint" -o - 2>"$work/err" | cat >"$work/piped"
same 'convert -o - to a pipe' "$work/piped" "$work/good.tern"
TMPDIR=$work/nowhere refused 1 "cannot keep it in $work/nowhere until it is whole: No such file" convert -q "$checkpoint" -o -
is 'bytes of embed --format npy -o -' "$(wc -c <"$work/piped.npy")" $((128 + 256))
is 'its shape' "$(head -c 100 "$work/piped.npy" | grep -a -o "(2, 32)")" '(2, 32)'
is 'records of bench --out -' "$(cat "$work/count")" 1
is 'a file named -' "$(find . -maxdepth 1 -name - | wc -l)" 0
{ echo first; tern embed "$work/good.tern" -o /dev/stdout one; } >"$work/both"
is 'what stood in standard output before /dev/stdout' "$(head -c 5 "$work/both")" first
is 'bytes behind it' "$(wc -c <"$work/both")" $((6 + 128))

# FIFOs and devices were refused; a rename would have replaced them.
tern embed "$work/good.tern" -o /dev/null text
is 'embed -o /dev/null' $? 0
mkfifo "$work/fifo"
for name in v.f32 v.npy; do
    format=${name#v.}
    timeout 20 cat "$work/fifo" >"$work/from" &
    tern embed "$work/good.tern" --format $format -o "$work/fifo" one two
    is "embed to a FIFO as $format" $? 0
    wait $!
    tern embed "$work/good.tern" -o "$work/$name" one two
    same "what came through the FIFO as $format" "$work/from" "$work/$name"
done
is 'the FIFO is one still' "$([ -p "$work/fifo" ] && echo yes)" yes
# "Input/output error", without the file's name.
timeout 20 head -c 10 "$work/fifo" >/dev/null &
yes 'a text' | head -20000 | tern embed "$work/good.tern" -o "$work/fifo" 2>"$work/err"
is 'a reader of a FIFO that leaves' $? 1
wait $!
is 'its message' "$(cat "$work/err")" "tern: $work/fifo: cannot write: Broken pipe"
if [ -w /dev/full ]; then
    refused 1 '/dev/full: cannot write: No space left on device' embed "$work/good.tern" -o /dev/full text
    refused 1 '/dev/full: cannot write: No space left on device' convert -q $checkpoint -o /dev/full
    refused 1 '/dev/full: cannot write: No space left on device' bench --shape bert-mini -s 5 -r 1 -t 1 --out /dev/full
fi
if [ -z "${TERN_RUN:-}" ]; then # once the signal XFSZ ended it
    (ulimit -f 1; seq 5000 | tern embed "$work/good.tern" -o "$work/large" 2>"$work/err")
    is 'a file that may not grow' $? 1
    is 'its message' "$(cat "$work/err")" "tern: $work/large: cannot write: File too large"
    is 'what it leaves behind' "$(find "$work" -name 'large*' | wc -l)" 0
fi

# A link became a file, and mode 600 became 644.
mkdir "$work/far"
: >"$work/far/target"
chmod 600 "$work/far/target"
ln -s far/target "$work/link"
tern embed "$work/good.tern" --format f32 -o "$work/link" one two
same 'the target of a link' "$work/far/target" "$work/v"
is 'the link' "$(readlink "$work/link")" far/target
is 'the mode' "$(stat -c %a "$work/far/target")" 600
(umask 077 && tern embed "$work/good.tern" -o "$work/private" one)
is 'the mode under umask 077' "$(stat -c %a "$work/private")" 600

# A model, a checkpoint's file or the texts were replaced by the output.
printf 'one\ntwo\n' >"$work/texts"
for out in "$work/good.tern" "$work/far/model"; do
    [ -e "$out" ] || ln "$work/good.tern" "$out"
    refused 2 "own input ($work/good.tern)" embed "$work/good.tern" -o "$out" text
done
refused 2 'own standard input' embed "$work/good.tern" -o "$work/texts" - <"$work/texts"
refused 2 'own input' bench --shape bert-mini --baseline "$work/texts" --out "$work/texts"
cp -r $checkpoint "$work/checkpoint"
for name in vocab.txt tokenizer.json model.safetensors; do
    [ ! -e "$work/checkpoint/$name" ] || refused 2 "is a file of the checkpoint .*$name" convert -q "$work/checkpoint" -o "$work/checkpoint/$name"
done
for i in 1 2; do # beside the checkpoint's files, again and again
    tern convert -q "$work/checkpoint" -o "$work/checkpoint/model.tern" 2>/dev/null
    is "a model among the checkpoint's files" $? 0
done
is 'temporary files' "$(left)" 0

# ---- Signals -------------------------------------------------------------------------------------------------------

# appears GLOB PID: waits until there is such a file.
appears() {
    local i
    for i in $(seq 3000); do
        compgen -G "$1" >/dev/null && return 0
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.02
    done
    return 1
}
# grows N FILE PID: waits until it has so many lines.
grows() {
    local i
    for i in $(seq 3000); do
        [ "$(wc -l <"$2")" -lt "$1" ] && kill -0 "$3" 2>/dev/null || return 0
        sleep 0.02
    done
}
# `env --default-signal` gives children of a shell without job control INT and QUIT back, those of nohup HUP, and those of
# other starters what these ignore: a test that sent XCPU where it was ignored waited for ever.
if [ -z "${TERN_RUN:-}" ] && env --default-signal=INT true 2>/dev/null; then
    native() { exec env --default-signal=HUP,INT,QUIT,PIPE,TERM,XCPU,XFSZ "$bin" "$@"; }
    # Only convert cleaned up, and only on HUP, INT and TERM. The texts never end.
    mkfifo "$work/hold"
    exec 9<>"$work/hold"
    for signal in HUP INT QUIT PIPE TERM XCPU; do
        (ulimit -c 0; native embed "$work/good.tern" -o "$work/killed" -) <"$work/hold" 9>&- 2>/dev/null &
        child=$!
        appears "$work/killed.*.tmp" $child || fail "embed -o was over before SIG$signal"
        kill -$signal $child
        wait $child 2>/dev/null # or the shell says how it ended
        is "how SIG$signal ends embed -o" $? $((128 + $(kill -l $signal)))
        is "what it leaves" "$(find "$work" -name 'killed*' | wc -l)" 0
    done
    exec 9>&-

    # Interrupted, its JSON was cut off; now every format has what was measured, and the exit code is the signal's.
    for format in json jsonl csv md; do
        : >"$work/bench" # what stood there was counted, and the signal came before the program
        native bench --shape bert-mini -s 5-64 -b 1 -r 200 -t 1 --format $format >"$work/bench" 2>"$work/err" &
        child=$!
        grows 5 "$work/bench" $child
        kill -INT $child
        wait $child
        is "how INT ends bench --format $format" $? 130
        is 'its warning' "$(grep -c '^tern: warning: interrupted: [0-9]* of [0-9]* records' "$work/err")" 1
        cp "$work/bench" "$work/bench.$format"
    done
    is 'the end of interrupted JSON' "$(tail -1 "$work/bench.json")" '],"interrupted":true}'
    for format in json jsonl csv; do # whole: they serve as a baseline
        tern bench --shape bert-mini -s 5 -b 1 -r 20 -t 1 --baseline "$work/bench.$format" --max-regress 1000 \
            --format jsonl >"$work/out" 2>"$work/err"
        is "an interrupted $format as a baseline" $? 0
        is 'its ratio' "$(grep -c '"ratio":[0-9]' "$work/out")" 1
    done
    native bench --shape bert-mini -s 5-64 -b 1 -r 200 -t 1 --format jsonl --out "$work/kept.jsonl" 2>/dev/null &
    child=$!
    appears "$work/kept.*.tmp" $child
    grows 3 "$(compgen -G "$work/kept.*.tmp")" $child
    kill -TERM $child
    wait $child
    is 'how TERM ends bench --out' $? 143
    is 'lines that are no records' "$(grep -vc '^{"tern".*"digest":"[0-9a-f]*"}$' "$work/kept.jsonl")" 0
    is 'temporary files of bench' "$(left)" 0
fi

# ---- bench's records -----------------------------------------------------------------------------------------------

b() { tern bench --shape bert-mini -s 5 -r 3 -t 1 "$@"; }
version=$(tern --version | sed -n 's/^tern //p')
b --format jsonl >"$work/b.jsonl"
is 'the version in a line of JSON' "$(grep -c "^{\"tern\":\"$version\",\"build\":\".*\",\"cpu\":\"..*\",\"model\"" "$work/b.jsonl")" 1
b --format csv >"$work/b.csv"
is 'the version in CSV' "$(tail -1 "$work/b.csv" | cut -d, -f1)" "$version"
b --format json >"$work/b.json"
for format in json jsonl csv; do # only JSON was taken
    b --baseline "$work/b.$format" --max-regress 1000 >/dev/null 2>"$work/err"
    is "a baseline of $format" $? 0
    sed 's/\(p50_ms":\)[0-9.]*/\10.000001/; s/^\(\([^"]*"[^"]*"\)*[^"]*int8,[^"]*,5,5,1,3,[0-9.]*\),[0-9.]*/\1,0.000001/' \
        "$work/b.$format" >"$work/fast.$format"
    b --baseline "$work/fast.$format" >/dev/null 2>&1
    is "slower than a baseline of $format" $? 3
done
for format in json jsonl csv; do
    size=$(wc -c <"$work/b.$format")
    for n in 30 $((size / 2)) $((size - 20)); do
        head -c $n "$work/b.$format" >"$work/cut.$format"
        refused 1 "cut.$format" bench --shape bert-mini -s 5 -r 3 -t 1 --baseline "$work/cut.$format"
    done
done
for text in '{"records":[{"a":1}]}' '[]' '{}' 'no baseline' 'a,b,p50_ms' ''; do
    printf '%s' "$text" >"$work/foreign"
    refused 1 foreign bench --shape bert-mini -s 5 -r 3 -t 1 --baseline "$work/foreign"
done
# What is no number passed as no slower than anything.
for value in null 0 -1 '"x"'; do
    sed "s/\"p50_ms\":[0-9.]*/\"p50_ms\":$value/" "$work/b.jsonl" >"$work/nan.jsonl"
    refused 1 'nan.jsonl: 1 of 1 records have no p50_ms' bench --shape bert-mini -s 5 -r 3 -t 1 --baseline "$work/nan.jsonl"
done
sed 's/\(int8,[^"]*,5,5,1,3,[0-9.]*\),[0-9.]*/\1,nan/' "$work/b.csv" >"$work/nan.csv"
refused 1 'nan.csv:2: p50_ms is no number' bench --shape bert-mini -s 5 -r 3 -t 1 --baseline "$work/nan.csv"
# An integer that no integer type holds was converted to one (undefined in C).
sed 's/\(int8,[^"]*\),5,5,1,3,/\1,1e300,5,1,3,/' "$work/b.csv" >"$work/big.csv"
refused 1 'big.csv:2: seq is no number' bench --shape bert-mini -s 5 -r 3 -t 1 --baseline "$work/big.csv"

# ---- Streams -------------------------------------------------------------------------------------------------------

# A model from - was "cannot open"; a text - beside others got a label.
for c in 'classify - text' 'embed - text' 'tokenize - text' 'info -' 'bench -'; do
    # shellcheck disable=SC2086
    refused 2 'a model cannot come from standard input' $c
done
refused 2 'stands alone' classify $model - b
refused 2 'stands alone' tokenize $model a -
is 'texts from -' "$(printf 'a\nb\n' | tern classify $model - | cut -f3 | tr '\n' ' ')" 'a b '
printf 'sentence\tlabel\ngood\t1\nbad\t0\n' >"$work/t.tsv"
is 'eval of -' "$(tern eval $model --task sst2 - <"$work/t.tsv" | sed -n 's/^n  *//p')" 2
cp "$work/texts" "$work/grows"
refused_append() { tern classify $model <"$work/grows" >>"$work/grows" 2>"$work/err"; }
refused_append
is 'standard input that is standard output' "$?$(grep -c 'same file' "$work/err")" 21

# The mark stayed in the first text.
printf '\357\273\277one\r\n\357\273\277two' >"$work/bom"
is 'texts behind a byte order mark' "$(tern tokenize $model --json <"$work/bom" | sed 's/.*"text":"\([^"]*\)".*/\1/' | od -An -tx1 | tr -d ' \n')" \
    6f6e650aefbbbf74776f0a
printf '\357\273\277good\t1\nbad\t0\n' >"$work/t.tsv"
is 'eval of a file with the mark' "$(tern eval $model --task sst2 "$work/t.tsv" | sed -n 's/^n  *//p')" 2
printf 'one\ntwo\n' >"$work/plain"
printf '\357\273\277one\ntwo\n' >"$work/marked"
for name in plain marked; do # where LAPACK is: the mark was calibrated on, too
    tern convert -q $checkpoint --weights int4 --calibrate "$work/$name" -o "$work/$name.tern" 2>/dev/null
done
[ ! -e "$work/plain.tern" ] || same 'a mark before the calibration texts' "$work/plain.tern" "$work/marked.tern"
refused 2 'give a file' convert $checkpoint --calibrate - --weights int4 -o "$work/x"
# UTF-16 was "invalid byte 0xFF", or, without a mark, letters and zeros.
for text in '\377\376o\0n\0e\0\n\0' '\376\377\0o\0n\0e\0\n' 'o\0n\0e\0\n\0' '\0o\0n\0e\0\n'; do
    # shellcheck disable=SC2059
    printf "$text" >"$work/utf16"
    refused 4 'UTF-16.*iconv -f UTF-16 -t UTF-8' classify $model --keep-going <"$work/utf16"
done

# One bad line ended a stream.
{ printf 'good\nbad \355\240\200\n'; awk 'BEGIN { for (i = 0; i < 600; i++) printf "word "; print "" }'; echo last; } >"$work/in"
for c in 'classify' 'tokenize' 'embed'; do
    tern $c $model --json --keep-going <"$work/in" >"$work/out" 2>"$work/err"
    is "exit code of $c --keep-going" $? 4
    is "lines of $c --keep-going" "$(wc -l <"$work/out")" 4
    is "the bad line of $c" "$(sed -n 2p "$work/out")" \
        '{"error":"the text is not UTF-8: invalid byte 0xED at byte offset 4","line":2}'
    is "the last line of $c" "$(sed -n '4s/.*"text":"\([a-z]*\)".*/\1/p' "$work/out")" last
    n=2
    [ $c != tokenize ] || n=1 # it takes any number of tokens
    is "what $c says of them" "$(cat "$work/err")" "tern: $n of 4 texts were refused, the first of them: line 2"
    tern $c $model --keep-going <"$work/in" >"$work/out" 2>/dev/null
    is "the bad line of $c, as text" "$(sed -n 2p "$work/out")" \
        "!error${tab}2${tab}the text is not UTF-8: invalid byte 0xED at byte offset 4"
done
is 'a long line' "$(tern classify $model --json --keep-going <"$work/in" 2>/dev/null | sed -n 3p | head -c 44)" '{"error":"602 tokens, the model takes 512; s'
tern classify $model --json --keep-going -b 1 <"$work/in" >"$work/b1" 2>/dev/null
tern classify $model --json --keep-going <"$work/in" >"$work/b32" 2>/dev/null
same 'the batch size changes what --keep-going prints' "$work/b1" "$work/b32"
printf 'a\tb\nno tab\nc\td\n' >"$work/pairs"
is 'a line without a tab' "$(tern classify $model --pair --keep-going <"$work/pairs" 2>/dev/null | sed -n 2p)" \
    "!error${tab}2${tab}no tab between the text and its pair"
tern embed $model --keep-going -o "$work/rows" <"$work/in" 2>"$work/err"
is 'exit code of embed -o --keep-going' $? 4
is 'rows of embed -o --keep-going' "$(wc -c <"$work/rows")" $((4 * 256 * 4))
is 'the row of a bad line' "$(od -An -tf4 -j 1024 -N 1024 "$work/rows" | tr -cd 'a-z' | sed 's/nan//g')" ''
is 'its warning' "$(grep -c '^tern: warning: line 2: the text is not UTF-8' "$work/err")" 1
tern convert -q tests/golden/cases/03-ner-with-pooler -o "$work/ner.tern" 2>/dev/null
printf 'good\nbad \355\240\200\nlast\n' | tern tag "$work/ner.tern" --keep-going >"$work/out" 2>/dev/null
is 'blocks of tag --keep-going' "$(grep -c '^$' "$work/out")" 3
is 'its bad line' "$(grep -c "^!error${tab}2${tab}the text is not UTF-8" "$work/out")" 1
refused 2 'cannot go on' embed $model --cosine --keep-going a b

# A pipe that does not block: "Resource temporarily unavailable".
if [ -z "${TERN_RUN:-}" ] && command -v python3 >/dev/null; then
    python3 - "$bin" $model <<'PY' >"$work/out" 2>&1
import fcntl, glob, os, re, signal, subprocess, sys, threading, time
def nonblocking():
    r, w = os.pipe()
    return r, w
def set_flag(fd):
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_NONBLOCK)
in_r, in_w = os.pipe()
out_r, out_w = os.pipe()
set_flag(in_r)
set_flag(out_w)
p = subprocess.Popen([sys.argv[1], 'tokenize', sys.argv[2], '--json'], stdin=in_r, stdout=out_w, stderr=subprocess.PIPE)
os.close(in_r)
os.close(out_w)
def feed():
    for i in range(20):
        os.write(in_w, b'a text of some words, ' * 20 + b'\n')
        time.sleep(0.01)
    os.write(in_w, b'and many more\n' * 3000)
    os.close(in_w)
t = threading.Thread(target=feed)
t.start()
time.sleep(0.5)
# While main held signals back to create a file, the thread that waits for the pipe took them, and the file stayed.
takes = 0
for status in glob.glob('/proc/%d/task/*/status' % p.pid):
    takes += not int(re.search('SigBlk:\\s*(\\S+)', open(status).read())[1], 16) >> (signal.SIGTERM - 1) & 1
lines = 0
while True:
    data = os.read(out_r, 1 << 16)
    if not data:
        break
    lines += data.count(b'\n')
    time.sleep(0.001)
t.join()
print(p.wait(), lines, takes, p.stderr.read().decode())
PY
    is 'pipes that do not block, threads that take TERM' "$(head -1 "$work/out")" '0 3020 1 '
fi

# ---- Terminals -----------------------------------------------------------------------------------------------------

# Escape sequences, C1's and overrides of direction in names went to the terminal.
csi=$(printf '\302\233') rlo=$(printf '\342\200\256')
refused 5 'x\\x1b\[31m\\u009b31m\\u202e\.tern' info "x$(printf '\033')[31m${csi}31m$rlo.tern"
is 'the override itself' "$(grep -c "$rlo" "$work/err")" 0
refused 2 'unknown command .\\u202e' "$rlo"
is 'an override in JSON' "$(tern tokenize $model --json "a${rlo}b" | grep -o '"text":"[^"]*"')" '"text":"a\u202eb"'
is 'C1 in JSON' "$(tern tokenize $model --json "a${csi}b" | grep -o '"text":"[^"]*"')" '"text":"a\u009bb"'
# A user's text is his own: in a file or a pipe it stays, but for what ends a column.
is 'a text in a pipe' "$(tern classify $model "a${rlo}b$(printf '\033')c${tab}d" | cut -f3)" "a${rlo}b\\x1bc\\td"
if [ -z "${TERN_RUN:-}" ] && command -v python3 >/dev/null; then
    # shellcheck disable=SC2016
    is 'a text on a terminal' "$(python3 -c '
import os, pty, sys
out = b""
def read(fd):
    global out
    data = os.read(fd, 4096)
    out += data
    return b""
pty.spawn([sys.argv[1], "classify", sys.argv[2], sys.argv[3]], read)
sys.stdout.write(out.decode().split("\t")[2].strip())' "$bin" $model "a${rlo}b" </dev/null)" 'a\u202eb'
    is 'binary data on a terminal' "$(python3 -c '
import os, pty, sys
pty.spawn([sys.argv[1], "embed", sys.argv[2], "-o", "-", "text"])' "$bin" $model </dev/null | tr -d '\r')" \
        'tern: /dev/stdout: is a terminal, and what would be written is no text; redirect it'
fi

# ---- Limits, and output that cannot be written ---------------------------------------------------------------------

# "needs 0 bytes", or no number at all. Address sanitizer needs more than any limit allows.
if [ -z "${TERN_RUN:-}" ] && ! nm "$bin" 2>/dev/null | grep -q ' __[at]san_init'; then
    said=0
    for kib in 15000 20000 25000 30000 40000 50000 60000; do
        for arguments in "classify $model text" "bench --shape bert-mini -s 5 -r 1 -t 1" \
            "bench --shape bert-mini -s 5 -r 1 -t 1 --weights f32" "bench --shape bert-mini -s 5 -r 1 -t 1 --weights int4"; do
            # shellcheck disable=SC2086
            (ulimit -v $kib && "$bin" $arguments >/dev/null 2>"$work/err")
            got=$?
            [ $got != 127 ] && grep -q '^tern: ' "$work/err" || continue # the loader's own message, or there was enough
            said=$((said + 1))
            grep -qE '^tern: out of memory: cannot get [1-9][0-9]* bytes' "$work/err" || fail "$kib KiB for $arguments: $(cat "$work/err")"
        done
    done
    is 'no limit was met' $((said > 0)) 1
    # Where threads have small stacks, as with musl, conversion crashed: it kept the paths of all files there.
    (ulimit -s 128 && env -i "$bin" convert -q "$checkpoint" -o "$work/stack.tern" 2>"$work/err")
    is 'convert with a stack of 128 KiB' $? 0
    (ulimit -s 128 && env -i "$bin" convert -q "$checkpoint" -o - 2>"$work/err") >"$work/stack.tern"
    is 'convert -o - with a stack of 128 KiB' $? 0
    same 'what it wrote' "$work/stack.tern" "$work/good.tern"
    # OpenBLAS asked for its buffers for ever.
    (ulimit -v 300000 && timeout 60 "$bin" convert -q "$checkpoint" -o "$work/lapack.tern" --weights int4 --calibrate builtin 2>"$work/err")
    is 'room for LAPACK: exit code' $? 1
    is 'room for LAPACK' "$(grep -cE 'out of memory: cannot get [1-9][0-9]* bytes for the buffers of LAPACK' "$work/err")" 1
fi
if [ -w /dev/full ]; then
    printf 'good\t1\nbad\t0\n' >"$work/t.tsv"
    for arguments in --help --version help 'classify --help' info 'info --json' 'info --isas' 'info --formats' "info $model" \
        "info $model --json" "classify $model text" "embed $model text" "embed $model --cosine a b" "tokenize $model text" \
        "eval $model --task sst2 $work/t.tsv" 'bench --shape bert-mini -s 5 -r 1 -t 1' \
        'bench --shape bert-mini -s 5 -r 1 -t 1 --format json' "embed $model -o - text" "convert -q $checkpoint -o -"; do
        # shellcheck disable=SC2086
        tern $arguments >/dev/full 2>"$work/err"
        is "exit code of $arguments on a full disk" $? 1
        is "lines of $arguments on a full disk" "$(grep -c 'No space left on device' "$work/err")" 1
        [ -z "${TERN_RUN:-}" ] || continue
        # shellcheck disable=SC2086
        tern $arguments >&- 2>"$work/err"
        is "exit code of $arguments without standard output" $? 1
    done
fi
if [ -z "${TERN_RUN:-}" ]; then
    refused 1 'standard input: cannot read: Bad file descriptor' classify $model <&-
    is 'an error without descriptor 2' "$(tern frobnicate 2>&-; echo $?)" 2
fi

echo "$passed passed, $failed failed"
[ $failed = 0 ]
