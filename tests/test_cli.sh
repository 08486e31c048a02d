#!/bin/bash
# usage: tests/test_cli.sh [path of the tern program]     TERN_BUILD names its folder otherwise, TERN_RUN an emulator.
# What the command line prints, how it ends, and that bad input gives one clear line. Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${1:-${TERN_BUILD:-build/x86_64-linux-gnu}/tern}
[ -x "$bin" ] || { echo "skipped: $bin is not built"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
unset TERN_ISA
XDG_CACHE_HOME=$work/cache # what the user has measured must not matter
export XDG_CACHE_HOME

# shellcheck disable=SC2086 # TERN_RUN is a command with its options
tern() { ${TERN_RUN:-} "$bin" "$@"; }
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL: $*"; }

# refused CODE PATTERN ARGUMENTS...: that exit code, one line on stderr that matches, nothing on stdout.
refused() {
    want=$1 pattern=$2
    shift 2
    tern "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    lines=$(wc -l <"$work/err")
    if [ $got != "$want" ]; then fail "tern $*: exit $got, not $want: $(cat "$work/err")"
    elif [ "$lines" != 1 ]; then fail "tern $*: $lines lines on stderr"
    elif ! grep '^tern: ' "$work/err" | grep -q -e "$pattern"; then
        fail "tern $*: '$(cat "$work/err")' is not about '$pattern'"
    elif [ -s "$work/out" ]; then fail "tern $*: refused, but printed something"
    else pass; fi
}

# prints PATTERN ARGUMENTS...: exit 0, stdout matches, nothing on stderr. Standard input is $work/in.
prints() {
    pattern=$1
    shift
    tern "$@" >"$work/out" 2>"$work/err" <"$work/in"
    got=$?
    if [ $got != 0 ]; then fail "tern $*: exit $got: $(cat "$work/err")"
    elif ! grep -q -e "$pattern" "$work/out"; then fail "tern $*: no '$pattern' in: $(head -3 "$work/out")"
    elif [ -s "$work/err" ]; then fail "tern $*: said '$(head -1 "$work/err")'"
    else pass; fi
}

# same NAME FILE FILE: byte for byte.
same() { if cmp -s "$2" "$3"; then pass; else fail "$1"; fi; }
is() { if [ "$2" = "$3" ]; then pass; else fail "$1: '$2', not '$3'"; fi; }
: >"$work/in"

# ---- Without a model ----

prints '^tern [0-9]*\.[0-9]*\.[0-9]*$' --version
prints '^Examples:' --help
for c in convert classify tag embed tokenize info eval bench; do
    prints '^Examples:' $c --help
    is "$c --help begins with its examples" "$(tern $c -h | head -1)" Examples:
    refused 2 "'--no-such-option'" $c --no-such-option
    refused 2 "'-Z'" $c -Z
done
# What stands in braces and is the name of no list was left out.
prints 'Its result is {"error":REASON,"line":N} or' classify --help
refused 2 "unknown command 'frobnicate'" frobnicate
refused 2 "unknown option '--frobnicate'" --frobnicate
prints '^scalar$' info --isas
prints 'gemm_s8' info
prints '"kernels":{"gemm_s8":"scalar"' info --json --isa scalar
refused 2 "'no_such_isa' is unknown" info --isa no_such_isa
TERN_ISA=no_such_isa
export TERN_ISA
refused 2 "TERN_ISA 'no_such_isa' is unknown; this CPU has: scalar" info
unset TERN_ISA

refused 2 'MODEL.tern or --shape' bench
refused 2 "'resnet'" bench --shape resnet
refused 2 '--seq 513: the model takes at most 512' bench --shape bert-mini -s 513
refused 2 '--seq 0: the limits are 1 and' bench --shape bert-mini -s 0
refused 2 '--threads 257: the limits are 1 and 256' bench --shape bert-mini -t 257
refused 2 'at most 1048576 tokens' bench --shape bert-mini -s 512 -b 65536
refused 2 "list such as" bench --shape bert-mini -s 1,x
refused 2 'A-B' bench --shape bert-mini -s 8-4
refused 2 "'yaml'" bench --shape bert-mini --format yaml
refused 2 "'int9'" bench --shape bert-mini --weights int9
refused 2 'SHAPE:FRACTION' bench --shape bert-mini --sparse 8x8:0.5
refused 2 'weights are int8, int4, nf4' bench --shape bert-mini --sparse 16x4:0.5 --weights ternary
refused 2 '4-bit weights take 16x4' bench --shape bert-mini --sparse 4x1:0.5 --weights int4
refused 2 'f32 has no block-sparse form' bench --shape bert-mini --sparse 4x1:0.5 --weights f32
refused 2 'stands alone' bench --roofline absent.tern
refused 2 'stands alone' bench --calibrate-sparse --shape bert-mini
refused 2 'stands alone' bench --calibrate-sparse --format json
prints '^sparse .*(built in)$' info
refused 2 'goes with --format' bench --shape bert-mini --profile --format csv
refused 2 'f32 has no stages' bench --shape bert-mini -s 5 -r 1 --profile --weights f32
refused 2 '--ragged 20: more than --seq 16' bench --shape bert-mini -s 16 --ragged 20
refused 2 'needs a value' bench --shape
refused 1 'absent.json' bench --shape bert-mini --baseline "$work/absent.json"
refused 2 'no checkpoint' convert -o "$work/x.tern"
refused 2 '-o FILE' convert "$work"
refused 2 "'int9'" convert "$work" -o "$work/x.tern" --weights int9
refused 2 'f32 weights stay as they are' convert "$work" -o "$work/x.tern" --weights f32 --calibrate texts.txt
refused 2 "least-cosine takes a number from 0 to 1, not '2'" convert "$work" -o "$work/x.tern" --least-cosine 2
refused 2 'allocation needs' convert "$work" -o "$work/x.tern" --sparse 16x4:0.5 --allocate
refused 2 'allocation needs' convert "$work" -o "$work/x.tern" --allocate --weights int4 --calibrate texts.txt
refused 2 'shapes are 16x4' convert "$work" -o "$work/x.tern" --sparse 16x4:2
refused 2 "'auto:0' is no SHAPE" convert "$work" -o "$work/x.tern" --sparse auto:0
refused 2 'a sparse ISA is for models in blocks' convert "$work" -o "$work/x.tern" --sparse-isa scalar
refused 2 "weights 'auto:4' with" convert "$work" -o "$work/x.tern" --weights auto:4 --sparse 4x4:0.5 --calibrate "$work/x"
refused 2 "'z80' is unknown" convert "$work" -o "$work/x.tern" --sparse auto --sparse-isa z80
refused 2 'auto.* goes with int8' convert "$work" -o "$work/x.tern" --sparse auto --weights int4
refused 2 'block-sparse weights are int8' convert "$work" -o "$work/x.tern" --sparse 16x4:0.5 --weights int3
refused 2 'blocks of 4x1 are int8' convert "$work" -o "$work/x.tern" --sparse 4x1:0.5 --weights nf4
refused 2 'shapes are 16x4' convert "$work" -o "$work/x.tern" --sparse 16x4:0x0.8
for bits in 0x3 nan 3junk 9 3,5; do
    refused 2 "'auto:$bits'" convert "$work" -o "$work/x.tern" --weights auto:$bits
done
for weights in int8 ternary binary; do
    refused 2 "$weights weights have none" convert "$work" -o "$work/x.tern" --weights $weights --group 64
done
refused 2 "'bwn'" convert "$work" -o "$work/x.tern" --weights ternary --trained bwn
refused 2 "ask for weights 'ternary'" convert "$work" -o "$work/x.tern" --trained twn
refused 2 "ask for weights 'binary'" convert "$work" -o "$work/x.tern" --weights ternary --trained bitnet
refused 2 'leave out the calibration' convert "$work" -o "$work/x.tern" --weights ternary --trained twn --calibrate t
refused 2 "the rest cannot be 'int4'" convert "$work" -o "$work/x.tern" --rest int4
refused 2 'takes no value' convert "$work" -o "$work/x.tern" --strict=yes
refused 5 'no such directory' convert "$work/absent" -o "$work/x.tern"
refused 5 'config.json' convert "$work" -o "$work/x.tern"
is 'files left behind by a failed convert' "$(find "$work" -name 'x.tern*' | wc -l)" 0
refused 5 'absent.tern' classify "$work/absent.tern" text
refused 5 'absent.tern' info "$work/absent.tern"
: >"$work/empty.tern"
refused 5 'empty.tern: is empty' classify "$work/empty.tern" text
refused 5 'empty.tern' tokenize "$work/empty.tern" text
refused 5 'regular file' embed "$work" text

# The bench: records, formats, baseline. One digest for all ISAs and thread counts.
bench() { tern bench --shape bert-mini -s 5,16 -b 1,3 -r 1 "$@" 2>/dev/null; }
# The profile: stages whose times add up to no more than the whole, and a roofline that is not zero.
bench -t 2 --ragged 2 --profile --format json >"$work/p.json"
is 'bench --profile' $? 0
is 'its stages' "$(grep -o '"stage":"gemm [^"]*"' "$work/p.json" | sort -u | wc -l)" 6
is 'shares above the whole' "$(grep -o '"share":[0-9.]*' "$work/p.json" | awk -F: '{ s += $2 } END { print (s > 4.001) }')" 0
is 'a roofline of nothing' "$(grep -c '"time_over_roofline":\(0\.0*,\|inf\|nan\|-\)' "$work/p.json")" 0
is 'the first answer, of each record' "$(grep -o '"first":{"page_faults":[0-9]*,"from_storage":[0-9]*,"bytes_read":[0-9]*,"ms":[0-9.]*}' "$work/p.json" | wc -l)" 4
# Which way each product went: by rows (simd/routes.def), and for auto widths or sparse blocks by matrix.
route() { # SEQ OPTION..., the ways of the second feed-forward product
    seq=$1 && shift
    tern bench --shape bert-mini -s "$seq" -b 1 -r 1 -t 1 --profile --format json "$@" 2>/dev/null |
        sed -n 's/.*"gemm feed-forward down"[^]]*"routes":\[\([^]]*\)\].*/\1/p'
}
is 'the route of int8' "$(route 5 --isa scalar)" '{"route":"int8","op":"gemm_s8","isa":"scalar"}'
is 'the route of int4' "$(route 5 --isa scalar --weights int4)" '{"route":"unpacked","op":"gemm_s8","isa":"scalar"}'
is 'the route of sparse blocks' "$(route 5 --isa scalar --sparse 16x4:0.9)" \
    '{"route":"sparse","op":"spmm","isa":"scalar"}'
is 'a table without its routes' "$(bench -t 1 --isa scalar --profile | grep -c '^| gemm .*| int8 scalar ')" 24
bench -t 1 --profile | grep -q '^Time / roofline: [0-9]'
is 'bench --profile as a table' $? 0
tern bench --roofline --isa scalar --format json | grep -q '^\[{"threads":1,"int8_gops":{"scalar":[0-9.]*[1-9]'
is 'bench --roofline' $? 0

# The report for owners of boards: each line, each row and its digest.
tern bench --report --shape bert-mini -s 5,600 -t 1,2 -r 1 >"$work/report" 2>/dev/null
is 'bench --report' $? 0
for line in board kernel system CPUs 'CPUs that Tern may use' frequency memory Tern temperature throttling; do
    is "report's $line" "$(grep -c "^- $line: ." "$work/report")" 1
done
digest=$(bench -t 1 | awk -F'|' '$4 == 5 && $5 == 1 { gsub(/ /, "", $(NF - 1)); print $(NF - 1) }')
is "report's digests" "$(grep -c "^| bert-mini | [a-z].* $digest |\$" "$work/report")" 2
is "report's texts that are too long" "$(grep -c 'left out: the model takes no text so long' "$work/report")" 2
refused 2 'goes with MODEL.tern' bench --report --batch 2
refused 2 'goes with MODEL.tern' bench --report --format json

# The table of sparse products: read, shown, gone by, and no bit depends on it; a bad one is one warning.
isa=$(tern info --json | sed 's/.*"isa":"\([a-z0-9]*\)".*/\1/')
cpu=$(tern info | sed -n 's/^cpu  *//p')
table=$work/cache/tern/sparse-$isa.txt
mkdir -p "$work/cache/tern"
sparse() { tern bench --shape bert-mini --sparse 4x1:0.8 -s 5 -t 1 -r 1 --format json "$@" 2>"$work/err"; }
sparse_digest() { sparse | sed -n 's/.*"digest":"\([0-9a-f]*\)".*/\1/p'; }
write_table() { # VERSION CPU ISA LIMITS
    printf 'version %s\ncpu %s\nisa %s\n16x4 %s\n4x4 %s\n1x4 %s\n4x1 %s\n' "$1" "$2" "$3" "$4" "$4" "$4" "$4" >"$table"
}
version=$(tern --version | sed -n 's/^tern //p')
built_in=$(sparse_digest)
is 'no table, no warning' "$(cat "$work/err")" ''
for limits in '0 0 0 0 0 0 0 0' '100 100 100 100 100 100 100 100'; do
    write_table "$version" "$cpu" "$isa" "$limits"
    is "the digest with limits of ${limits%% *}" "$(sparse_digest)" "$built_in"
    is "a good table's warnings" "$(cat "$work/err")" ''
    case $limits in 0*) way='"sparse":0,"expanded":4,"dense":0,"slower":4' ;; *) way='"sparse":4,"expanded":0,"dense":0,"slower":0' ;; esac
    is "the way with limits of ${limits%% *}" "$(sparse --profile | grep -o "\"query\",$way" | wc -l)" 1
    prints 'measured on this machine' info
done
prints '"4x1":{"as_stored":.100,100,100,100.,"pays":.100,100,100,100.}' info --json
for bad in version cpu isa text number empty folder; do
    write_table "$version" "$cpu" "$isa" '50 50 50 50 50 50 50 50'
    case $bad in
    version) write_table 0.0.9 "$cpu" "$isa" '1 1 1 1 1 1 1 1' ;;
    cpu) write_table "$version" 'another one' "$isa" '1 1 1 1 1 1 1 1' ;;
    isa) write_table "$version" "$cpu" another '1 1 1 1 1 1 1 1' ;;
    text) echo 'no table' >"$table" ;;
    number) write_table "$version" "$cpu" "$isa" '1 1 1 1 1 1 1 101' ;;
    empty) : >"$table" ;;
    folder) rm "$table" && mkdir "$table" ;;
    esac
    is "the digest with a bad $bad in the table" "$(sparse_digest)" "$built_in"
    is "one warning of a bad $bad" "$(grep -c '^tern: .*built-in table' "$work/err")" 1
    is "one line of a bad $bad" "$(wc -l <"$work/err")" 1
done
rmdir "$table"

bench -t 1 --format csv >"$work/b.csv"
is 'bench --format csv' $? 0
is 'the columns of a record' "$(head -1 "$work/b.csv")" \
    "$(echo tern build cpu model weights sparsity size_bytes isa threads seq seq_min batch n min_ms p50_ms p90_ms p99_ms mean_ms sd_ms \
        tokens_per_s texts_per_s tokenize_ms load_ms first_ms peak_rss_kib mhz_min temp_max throttled \
        digest | tr ' ' ,)"
is 'one record per combination' "$(wc -l <"$work/b.csv")" 5
digests() { tail -n +2 | sed 's/.*,//'; }
digests <"$work/b.csv" >"$work/digests"
bench -t 2 --format csv | digests >"$work/digests2"
same 'two threads change the bench digest' "$work/digests" "$work/digests2"
for isa in $(tern info --isas); do
    bench -t 1 --format csv --isa "$isa" | digests >"$work/digests2"
    same "--isa $isa changes the bench digest" "$work/digests" "$work/digests2"
done
bench -t 1 --format json --out "$work/base.json"
is 'bench --out' $? 0
bench -t 1 --baseline "$work/base.json" --max-regress 1000 --format jsonl >"$work/out"
is 'a baseline adds the ratio' "$(grep -c '"ratio":[0-9]' "$work/out")" 4
sed 's/"p50_ms":[0-9.]*/"p50_ms":0.0001/' "$work/base.json" >"$work/fast.json"
bench -t 1 --baseline "$work/fast.json" >/dev/null
is 'slower than the baseline' $? 3
# A check that compares with nothing passed whatever was measured.
sed 's/"p50_ms":[0-9.]*/"p50_ms":null/' "$work/base.json" >"$work/null.json"
bench -t 1 --baseline "$work/null.json" --max-regress 1000 >/dev/null
is 'a baseline without times' $? 1
sed 's/"digest":"./"digest":"x/' "$work/base.json" >"$work/other.json"
bench -t 1 --baseline "$work/other.json" --max-regress 1000 >/dev/null
is 'a digest differs from the baseline' $? 3

# ---- With a model ----

# ---- What a model is for: the folders that went wrong for people elsewhere ----

tab=$(printf '\t')
cases=tests/golden/cases
for name in 01-multilabel 02-regression 03-ner-with-pooler 38-orig-mod; do
    tern convert $cases/$name -o "$work/$name.tern" 2>"$work/$name.report" || fail "convert $name"
done
is 'what is dropped' "$(grep -c '^dropped: .*pooler' "$work/03-ner-with-pooler.report")" 1
is 'wrappers are named' "$(grep -c '^names: _orig_mod' "$work/38-orig-mod.report")" 1
prints "^docs,build,perf${tab}0\.7[0-9]*,0\.[67][0-9]*,0\.[45][0-9]*${tab}the movie was great\$" \
    classify "$work/01-multilabel.tern" --threshold 0.45 'the movie was great'
prints "^${tab}${tab}the movie was great\$" classify "$work/01-multilabel.tern" --threshold 0.9 'the movie was great'
prints '"label":"docs","score":.*"labels":\["docs"\],"scores":{"bug":' \
    classify "$work/01-multilabel.tern" --threshold .706 --json 'the movie was great'
prints '"labels":\[\],"scores"' classify "$work/01-multilabel.tern" --threshold 0.9 --json 'the movie was great'
prints 'scores: sigmoid' info "$work/01-multilabel.tern"
prints '"head":"classifier","output":"sigmoid"' info "$work/01-multilabel.tern" --json
refused 2 "--threshold takes a number from 0 to 1, not '2'" classify "$work/01-multilabel.tern" --threshold 2 x
refused 2 "not 'nan'" classify "$work/01-multilabel.tern" --threshold nan x
refused 2 '--threshold is for models' classify "$work/02-regression.tern" --threshold 0.5 x
prints "^LABEL_0${tab}2\.[0-9]*${tab}" classify "$work/02-regression.tern" 'the movie was great'
is 'tags' "$(tern tag "$work/03-ner-with-pooler.tern" 'the movie was great' | cut -f 1,2 | tr '\t\n' ' |')" \
    'the B-LOC|movie B-LOC|was I-PER|great O||'
prints '"tokens":\[{"token":"the","start":0,"end":3,"label":"B-LOC","score":0.7' \
    tag "$work/03-ner-with-pooler.tern" --json 'the movie was great'
prints '"logits":\[\[.*\],\[.*\],"n_tokens":6,"truncated":false}$' \
    tag "$work/03-ner-with-pooler.tern" --json --logits 'the movie was great'
refused 2 '--logits goes with --json' tag "$work/03-ner-with-pooler.tern" --logits x
refused 2 'use tern tag' classify "$work/03-ner-with-pooler.tern" x
printf 'a text\t0\n' >"$work/sst2.tsv"
refused 2 'sst2 is for models with one label of several' eval "$work/02-regression.tern" --task sst2 "$work/sst2.tsv"
refused 2 'of each label by itself' eval "$work/01-multilabel.tern" --task sst2 "$work/sst2.tsv"
refused 2 'use tern classify' tag "$work/01-multilabel.tern" x
refused 2 'use tern embed' tag "$work/38-orig-mod.tern" x
refused 2 "task 'rank' is unknown; classify, tag, answer, fill and embed are" convert $cases/38-orig-mod -o "$work/x.tern" --task rank
refused 5 'classifier.weight is missing' convert -q $cases/38-orig-mod -o "$work/x.tern" --task tag
tern convert $cases/01-multilabel -o "$work/x.tern" --task embed 2>"$work/err" || fail 'convert --task embed'
is 'the head is dropped aloud' "$(grep -c '^dropped: classifier' "$work/err")" 1
rm -f "$work/x.tern"

model=models/sentiment-mini.tern
if [ ! -e "$model" ] && [ -d ../shared/models/sentiment-mini ]; then
    model=$work/made.tern
    tern convert -q ../shared/models/sentiment-mini -o "$model" 2>/dev/null || fail 'convert'
fi
if [ ! -e "$model" ]; then
    echo "skipped: no models/sentiment-mini.tern, so nothing was classified"
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
    exit
fi

prints "^positive${tab}0\.[5-9][0-9]*${tab}A warm, funny, engaging film\.\$" \
    classify "$model" 'A warm, funny, engaging film.'
prints "^negative${tab}.*${tab}--dull\$" classify "$model" -- --dull
prints '"label":"negative","score":.*"scores":{"negative":.*"logits":\[.*\],"n_tokens":8,"truncated":false}$' \
    classify "$model" --json 'The plot is thin.' 'It drags, badly.'
is 'results keep their order' "$(tern classify "$model" one two three | cut -f 3 | tr '\n' ' ')" 'one two three '
printf 'first\r\nsecond \\"quoted\\"\n\nlast, without an end' >"$work/in"
prints '"text":"second \\\\\\"quoted\\\\\\""' classify "$model" --json
is 'one result a line' "$(wc -l <"$work/out")" 4
tern classify "$model" --json - <"$work/in" >"$work/b32"
tern classify "$model" --json -b 1 -t 1 <"$work/in" >"$work/b1"
same 'the batch size changes a result' "$work/b32" "$work/b1"
: >"$work/in"

prints '^0\.9' embed "$model" --cosine 'The acting is wonderful.' 'The actors are superb.'
prints '"embedding":\[' embed "$model" --json text
is 'numbers of a vector' "$(tern embed "$model" text | wc -w)" 256
tern embed "$model" -o "$work/v.npy" a b c
is 'bytes of an .npy file' "$(wc -c <"$work/v.npy")" $((128 + 3 * 256 * 4))
refused 2 'exactly two texts' embed "$model" --cosine one
refused 2 'precision is f32' embed "$model" --precision f64 x
refused 2 'ranges of a single vector' embed "$model" --precision int8 x
refused 2 'sqlite-vec has vectors of' embed "$model" --precision f16 -o "$work/v.sql" x
refused 2 'no masked-language head' embed "$model" --sparse x
refused 2 'no vectors of tokens' embed "$model" --tokens x
refused 2 'query is for --tokens' embed "$model" --query x
tern embed "$model" --write-ranges "$work/ranges.npy" a b c
is 'numbers of a rounded vector' "$(tern embed "$model" --precision int8 --ranges "$work/ranges.npy" text | wc -w)" 256
is 'bytes of bits' "$(tern embed "$model" --precision ubinary -o - --format f32 text | wc -c)" 32
tern embed "$model" -o "$work/v.sql" "it's" b
is 'rows of SQL' "$(grep -c "^INSERT INTO embeddings.*VALUES([12],'\(it''s\|b\)',X'[0-9a-f]\{2048\}');\$" "$work/v.sql")" 2
tern embed "$model" -o "$work/v.arrow" a b
is 'an Arrow file' "$(head -c 6 "$work/v.arrow")$(tail -c 6 "$work/v.arrow")" ARROW1ARROW1
tern convert -q tests/golden/vectors/splade -o "$work/splade.tern"
prints '^[^ ]*:[0-9.]* [^ ]*:[0-9.]*$' embed "$work/splade.tern" --sparse --top 2 'how do i reset it'
prints '"ids":\[[0-9]*,[0-9]*\],"weights":\[' embed "$work/splade.tern" --sparse --top 2 --ids --json 'how do i reset it'
refused 2 'use tern_embed_sparse (tern embed --sparse)' embed "$work/splade.tern" x
tern convert -q tests/golden/vectors/stanford -o "$work/colbert.tern"
is 'vectors of a query' "$(tern embed "$work/colbert.tern" --tokens --query 'how do i' | grep -c .)" 16
refused 2 "no prompts, so that none is called 'query'" embed "$model" --prompt-name query x
prints '^\[CLS\] .*!.* \[SEP\]'"$tab"'2 [0-9 ]* 3$' tokenize "$model" 'Unbelievable!'
prints '"types":\[0,0,0,1,1\],"n_tokens":5}$' tokenize "$model" --json --pair "he${tab}ran"
prints "[0-9]${tab}- 0-5 6-8 9-11 11-12 -\$" tokenize "$model" --ids --offsets 'Café is it?' # é has two bytes
prints '"offsets":\[null,\[0,2\],null,\[0,3\],null\],"n_tokens":5}$' tokenize "$model" --json --offsets --pair "he${tab}ran"
refused 4 'text 1: no tab' classify "$model" --pair 'no tab'
prints '"tensors":\[{"name"' info "$model" --json
prints '^attention  *softmax over all tokens$' info "$model"
prints '^checksum *[0-9a-f]\{16\}$' info "$model"

# A bit that is another, anywhere in a file whose checksum a second thread computes: no answer, and the same words.
large=models/sentiment.tern
if [ -e "$large" ]; then
    for at in 100000 1095000 1200000 2900000 $(($(wc -c <"$large") - 1)); do
        byte=$(od -An -tu1 -j "$at" -N 1 "$large")
        cat "$large" >"$work/damaged.tern"
        # shellcheck disable=SC2059 # the format is the byte
        printf "\\$(printf %03o $((byte ^ 16)))" | dd of="$work/damaged.tern" bs=1 seek="$at" conv=notrunc 2>/dev/null
        refused 5 'damaged.tern: .*it is damaged, copy it again$' classify "$work/damaged.tern" 'A warm film.'
        refused 5 'damaged.tern: .*it is damaged, copy it again$' classify -t 1 "$work/damaged.tern" 'A warm film.'
    done
    refused 5 'damaged.tern: .*it is damaged, copy it again$' embed "$work/damaged.tern" 'A warm film.'
    refused 5 'damaged.tern: .*it is damaged, copy it again$' tokenize "$work/damaged.tern" 'A warm film.'
    refused 5 'damaged.tern: .*it is damaged, copy it again$' info "$work/damaged.tern"
    rm "$work/damaged.tern"
fi

# Threads that the system refuses end in an error; this once waited for ever. Stacks of 1 MiB for 256 exceed the limit.
if [ -z "${TERN_RUN:-}" ] && ! nm "$bin" 2>/dev/null | grep -q ' __[at]san_init' &&
    (ulimit -s 8192 && ulimit -v 100000 && "$bin" classify "$model" -t 1 text >/dev/null 2>&1); then
    (ulimit -s 8192 && ulimit -v 100000 && timeout 60 "$bin" classify "$model" -t 256 text >/dev/null 2>"$work/err")
    is 'exit code when threads cannot start' $? 1
    is 'the message then' "$(cat "$work/err")" 'tern: cannot start 256 threads; ask for fewer'
fi
# Trained weights and --strict.
if [ -d ../shared/models/sentiment-mini ]; then
    from=../shared/models/sentiment-mini
    refused 2 'pooler would be int8, not ternary' convert -q "$from" -o "$work/strict.tern" --weights ternary --strict
    refused 2 'embed.position would be int8, not int4' convert -q "$from" -o "$work/strict.tern" --embeddings int4 --strict
    is 'what a strict failure leaves behind' "$(find "$work" -name 'strict*' | wc -l)" 0
    tern convert "$from" -o "$work/strict.tern" --weights ternary --trained twn --strict --rest int8 2>"$work/err"
    is 'a strict conversion of trained weights' $? 0
    is 'matrices kept as trained' "$(grep -c 'kept as trained .*error 0.00e+00$' "$work/err")" 24
    is 'tensors of another type than asked' "$(grep -c 'instead of' "$work/err")" 0
    tern convert "$from" -o "$work/strict.tern" --weights ternary 2>"$work/err"
    is 'weights that were not trained so' "$(grep -c 'kept as trained' "$work/err")" 0
    is 'tensors of another type than asked, without --strict' "$(grep -c 'int8 \[.*instead of ternary' "$work/err")" 2
    tern convert -q "$from" -o "$work/strict.tern" --strict 2>/dev/null
    is 'a strict conversion to int8' $? 0
fi
# Texts to calibrate on: 1 where they cannot be read, 4 where they are refused. Once it was 5, and 2.
if [ -d ../shared/models/sentiment-mini ]; then
    calibrated() { # CODE PATTERN FILE
        refused "$1" "$2" convert -q ../shared/models/sentiment-mini -o "$work/x.tern" --weights int4 --calibrate "$3"
    }
    calibrated 1 'absent.txt: cannot open' "$work/absent.txt"
    calibrated 1 'not a regular file' "$work"
    printf '\n \r\n\t\n' >"$work/blank.txt"
    calibrated 4 'blank.txt: no text' "$work/blank.txt"
    : >"$work/blank.txt"
    calibrated 4 'blank.txt: no text' "$work/blank.txt"
    printf 'good\nbad \355\240\200\n' >"$work/bytes.txt"
    calibrated 4 'bytes.txt:2: not UTF-8: .*offset 4' "$work/bytes.txt"
    is 'files left behind by bad texts' "$(find "$work" -name 'x.tern*' | wc -l)" 0
fi
# An output that cannot be written is no fault of the checkpoint.
if [ -z "${TERN_RUN:-}" ] && [ -d ../shared/models/sentiment-mini ]; then
    (trap '' XFSZ; ulimit -f 100; "$bin" convert -q ../shared/models/sentiment-mini -o "$work/full.tern" 2>"$work/err")
    is 'exit code of a full disk' $? 1
    is 'what a full disk leaves behind' "$(ls "$work" | grep -c full)" 0
fi
# A signal leaves nothing behind. The file is there while it is compared with the checkpoint; a fast machine may be done
# before the signal comes.
if [ -z "${TERN_RUN:-}" ] && [ -d ../shared/models/sentiment-mini ]; then
    heard=() # where the tests run under nohup or another starter that ignores them
    env --default-signal=HUP true 2>/dev/null && heard=(env --default-signal=HUP,TERM)
    for signal in TERM HUP; do # a shell without job control makes its children ignore INT
        got=0
        for try in 1 2 3 4 5 6 7 8 9 10; do
            "${heard[@]}" "$bin" convert -q ../shared/models/sentiment-mini -o "$work/killed.tern" 2>/dev/null &
            child=$!
            while kill -0 $child 2>/dev/null && [ ! -e "$work/killed.tern.$child.0.tmp" ]; do :; done
            kill -$signal $child 2>/dev/null
            wait $child 2>/dev/null # or the shell says how it ended
            got=$?
            [ $got != 0 ] && break
        done
        [ $got = 0 ] && echo "skipped: SIG$signal came too late for conversion" && continue
        case $signal in HUP) want=129 ;; *) want=143 ;; esac
        is "how SIG$signal ends a conversion" $got $want
        is "what SIG$signal leaves behind" "$(find "$work" -name 'killed.tern.*' | wc -l)" 0
    done
fi

# Refused texts: exit 4, and what came before them was answered.
refused 4 'text 1: the text is not UTF-8: invalid byte 0xFF at byte offset 3' classify "$model" "$(printf 'abc\377')"
refused 4 'byte offset 0' tokenize "$model" "$(printf '\300\200')"
printf 'good\nbad \355\240\200\n' >"$work/in"
tern classify "$model" <"$work/in" >"$work/out" 2>"$work/err"
is 'exit code of a refused line' $? 4
is 'lines before the refused one' "$(wc -l <"$work/out")" 1
is 'the line that was refused, by number and offset' "$(grep -c '^tern: line 2: .*byte offset 4' "$work/err")" 1
long=$(awk 'BEGIN { for (i = 0; i < 600; i++) printf "word " }')
refused 4 '603 tokens, the model takes 512; .*--truncate' classify "$model" "$long end"
for t in head tail; do
    prints '"n_tokens":512,"truncated":true' classify "$model" --json --truncate $t "good $long bad"
done
refused 4 'tokens' classify "$model" --truncate error "$long end"
refused 2 'later version' classify "$model" --truncate window text
refused 2 "'middle'" classify "$model" --truncate middle text
refused 2 "'no_such_isa' is unknown" classify "$model" --isa no_such_isa text
refused 2 '--batch 0: the limits are 1 and' classify "$model" -b 0 text
refused 2 '--threads' classify "$model" -t 1000 text
refused 2 'takes no value' classify "$model" --json=yes text

# Damaged files: cut short anywhere, one bit flipped anywhere.
size=$(wc -c <"$model")
for n in 7 8 100 4096 100000 $((size - 1)); do
    head -c "$n" "$model" >"$work/bad.tern"
    refused 5 'bad.tern' classify "$work/bad.tern" text
done
for at in 0 8 9 200 5000 100000 $((size / 2)) $((size - 1)); do
    cp "$model" "$work/bad.tern"
    chmod u+w "$work/bad.tern"
    byte=$(od -An -tu1 -j "$at" -N 1 "$model" | tr -d ' ')
    # shellcheck disable=SC2059 # the octal number is the format
    printf "\\$(printf %o $((byte ^ 16)))" | dd of="$work/bad.tern" bs=1 seek="$at" conv=notrunc 2>/dev/null
    refused 5 'bad.tern' info "$work/bad.tern"
done

# eval: figures and digest depend on nothing but the texts.
printf 'sentence\tlabel\nan utter delight from start to finish \t1\na tedious , joyless mess \t0\n' >"$work/t.tsv"
printf 'warm and funny \t1\n' >>"$work/t.tsv"
printf 'the jokes fall flat \t0\nsuperb acting \t1\nmoving \t1\nboring \t0\nnot bad at all \t1\n' >>"$work/t.tsv"
digest() { tern eval "$model" --task sst2 "$work/t.tsv" --json "$@" | sed 's/.*"digest":"\([0-9a-f]*\)".*/\1/'; }
is 'eval counts' "$(tern eval "$model" --task sst2 "$work/t.tsv" | sed -n 's/^n  *//p')" 8
first=$(digest)
for options in '-b 1' '-b 3 -t 2' '--shuffle 1' '--shuffle 7 -b 2' '--isa scalar'; do
    # shellcheck disable=SC2086 # several words
    is "digest with $options" "$(digest $options)" "$first"
done
refused 1 'absent.tsv' eval "$model" --task sst2 "$work/absent.tsv"
refused 2 '--task' eval "$model" "$work/t.tsv"
refused 4 'bad JSON' eval "$model" --task squad "$work/t.tsv"
printf 'sentence\tlabel\ngood\t7\n' >"$work/bad.tsv"
refused 4 "bad.tsv:2: the label is '7', not a whole number from 0 to 1" eval "$model" --task sst2 "$work/bad.tsv"

# Output that goes nowhere.
if [ -w /dev/full ]; then
    tern classify "$model" text 2>"$work/err" >/dev/full
    is 'a full disk' $? 1
    is 'a full disk, in lines' "$(grep -c '^tern: cannot write' "$work/err")" 1
fi
tern classify "$model" one two three 2>"$work/err" | head -1 >/dev/null
is 'a reader that leaves' "$(cat "$work/err")" ''

echo "$passed passed, $failed failed"
[ $failed = 0 ]
