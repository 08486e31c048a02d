#!/bin/sh
# usage: tests/test_eval.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# `tern eval`: every form of a task's file gives the same figures; files that are wrong are refused in one line; a model
# beside itself, beside other models and beside vectors of files. tests/test_eval.c holds the figures against SciPy's.
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/script.sh
. tests/script.sh
command=eval

# figure NAME ARGUMENTS...: of tern eval.
figure() {
    name=$1
    shift
    tern eval "$@" 2>&1 | sed -n "s/^$name  *//p"
}
without_time() { sed 's/"seconds":[0-9.]*,"texts_per_second":[0-9.]*//; /^seconds/d; /^texts\/s/d'; }

for case in 01-multilabel 02-regression 05-default-prompt; do
    tern convert -q tests/golden/cases/$case -o "$work/$case.tern" 2>/dev/null || fail "convert $case"
done
tern convert -q tests/golden/cases/05-default-prompt -o "$work/f32.tern" --weights f32 2>/dev/null || fail 'convert to f32'
model=$work/05-default-prompt.tern

# ---- stsb: scores that are the cosines themselves have the correlation 1 with them ----

# pairs: the two texts of each row, and 2 + 2 * their cosine. A tab stands between.
tab=$(printf '\t')
cat >"$work/texts" <<LINES
the movie was great${tab}the movie was awful
a dog sat, on the "mat"${tab}"price" rises, falls
Paris is fast${tab}is london not slow
cat${tab}dog
hello (world)!${tab}hello world
the movie was great${tab}hello world
LINES
while IFS=$tab read -r first second; do
    cosine=$(tern embed "$model" --cosine "$first" "$second")
    printf '%s\t%s\t%s\n' "$first" "$second" "$(awk "BEGIN { printf \"%.8f\", 2 + 2 * $cosine }")"
done <"$work/texts" >"$work/last.tsv"
is 'rows' "$(wc -l <"$work/last.tsv")" 6
is 'pearson of the cosines' "$(figure pearson "$model" --task stsb "$work/last.tsv")" 100.00
is 'spearman of the cosines' "$(figure spearman "$model" --task stsb "$work/last.tsv")" 100.00
awk -F "$tab" -v OFS="$tab" '{ print $1, $2, 5 - $3 }' "$work/last.tsv" >"$work/falling.tsv"
is 'pearson of falling scores' "$(figure pearson "$model" --task stsb "$work/falling.tsv")" -100.00
tern eval "$model" --task stsb "$work/last.tsv" --json >"$work/json"
is 'the object' "$(sed 's/"pearson":\(1\|0\.99999[0-9]*\),"spearman":1,"seconds":[0-9.]*,"texts_per_second":[0-9.]*,"digest":"[0-9a-f]*"/X/' "$work/json")" \
    '{"task":"stsb","n":6,"truncated":0,X}'

# ---- The forms of files ----

tern eval "$model" --task stsb "$work/last.tsv" | without_time >"$work/figures"
for form in first benchmark glue names csv json json2 bom crlf blank; do
    case $form in
    first) awk -F "$tab" -v OFS="$tab" '{ print $3, $1, $2 }' ;;
    # The STS benchmark's own columns, some lines with more of them.
    benchmark) awk -F "$tab" -v OFS="$tab" '{ print "main", "MSRvid", "2012", NR, $3, $1, $2 (NR % 2 ? "" : "\tlicence\t1") }' ;;
    glue) awk -F "$tab" -v OFS="$tab" 'BEGIN { print "index", "genre", "filename", "year", "old_index", "source1", "source2",
        "sentence1", "sentence2", "score" } { print NR, "main", "x", "2012", 7, "none", "none", $1, $2, $3 }' ;;
    names) awk -F "$tab" -v OFS="$tab" 'BEGIN { print "Text2", "LABEL", "id", "Text1" } { print $2, $3, NR, $1 }' ;;
    csv) awk -F "$tab" 'BEGIN { print "sentence1,\"sentence2\",score" }
        { gsub(/"/, "\"\""); printf "\"%s\",\"%s\",%s\n", $1, $2, $3 }' ;;
    json) awk -F "$tab" '{ gsub(/"/, "\\\""); printf "{\"sentence1\":\"%s\",\"sentence2\":\"%s\",\"score\":%s,\"id\":[1]}\n", $1, $2, $3 }' ;;
    json2) awk -F "$tab" '{ gsub(/"/, "\\u0022"); printf "{\"label\":\"%s\",\"text1\":\"%s\",\"text2\":\"%s\"}\n", $3, $1, $2 }' ;;
    bom) printf '\357\273\277sentence1\tsentence2\tscore\n' && cat ;;
    crlf) sed 's/$/\r/' ;;
    blank) sed 's/^/\n/' ;;
    esac <"$work/last.tsv" >"$work/$form"
    is "a file with $form" "$(tern eval "$model" --task stsb "$work/$form" 2>&1 | without_time)" "$(cat "$work/figures")"
done
for options in '-t 1 -b 1' '--shuffle 3 -t 2 -b 2' '--isa scalar'; do
    # shellcheck disable=SC2086
    is "figures with $options" "$(tern eval "$model" --task stsb "$work/last.tsv" $options | without_time)" "$(cat "$work/figures")"
done
is 'standard input' "$(tern eval "$model" --task stsb - <"$work/last.tsv" | without_time)" "$(cat "$work/figures")"
is 'another prompt' "$(tern eval "$model" --task stsb "$work/last.tsv" --prompt '' | without_time | cmp -s - "$work/figures"; echo $?)" 1
refused 2 "'poem'" "$model" --task stsb "$work/last.tsv" --prompt-name poem
printf 'text,label\n"the movie, was ""great""",1\nbad,0\n' >"$work/sst2.csv"
# A line's end between quotes was refused.
printf 'text,label\n"the movie\nwas ""great""",1\r\nbad,0\n' >"$work/lines.csv"
is 'a text of two lines' "$(tern eval models/sentiment-mini.tern --task sst2 "$work/lines.csv" | sed -n 's/^n  *//p')" 2
is 'labels by commas' "$(tern eval models/sentiment-mini.tern --task sst2 "$work/sst2.csv" | sed -n 's/^n  *//p')" 2

# What is not defined was NaN.
printf '1\ta\tb\n1\tc\td\n1\te\tf\n' >"$work/equal.tsv"
is 'spearman of equal scores' "$(figure spearman "$model" --task stsb "$work/equal.tsv")" undefined
is 'pearson of equal scores' "$(tern eval "$model" --task stsb "$work/equal.tsv" --json | grep -c '"pearson":null,"spearman":null,')" 1
printf '1\ta\ta\n2\tb\tb\n' >"$work/equal.tsv"
is 'pearson of equal cosines' "$(figure pearson "$model" --task stsb "$work/equal.tsv")" undefined
printf '1\ta\tb\n' >"$work/equal.tsv"
is 'pearson of one row' "$(figure pearson "$model" --task stsb "$work/equal.tsv")" undefined

# ---- Files that are wrong ----

wrong() {
    printf "$2" >"$work/wrong" # shellcheck disable=SC2059 # the format is the file
    refused 4 "$1" "$model" --task stsb "$work/wrong"
}
wrong "wrong:1: the header has no column 'score'" 'sentence1\tsentence2\tgenre\na\tb\tc\n'
wrong "wrong:1: the header has no column 'sentence2'" 'sentence1,score\na,1\n'
wrong 'wrong:1: is none of the forms' 'a\tb\tc\n'
wrong 'wrong:1: is none of the forms' '1,a,b\n'
wrong 'wrong:1: is none of the forms' '1\ta\n'
wrong 'wrong:1: more than one column may be the score' '1\ta\t2\n'
wrong "wrong:3: the score is 'high', not a number from 0 to 5" 'score\tsentence1\tsentence2\n1\ta\tb\nhigh\ta\tb\n'
wrong "wrong:2: the score is '5.01'" '1\ta\tb\n5.01\ta\tb\n'
wrong "wrong:2: the score is 'nan'" '1\ta\tb\nnan\ta\tb\n'
wrong "wrong:2: the score is ''" '1\ta\tb\n\ta\tb\n'
wrong "wrong:2: has 2 columns, where the file's first line has 3" '1\ta\tb\n1\ta\n'
wrong "wrong:2: has 4 columns, where the file's first line has 3" '1\ta\tb\n1\ta\tb\tc\n'
wrong 'wrong:2: a field begins with a quote, and no other ends it' 'sentence1,sentence2,score\n"a,b,1\n'
wrong 'wrong:2: a quoted field must end with a quote before' 'sentence1,sentence2,score\n"a" x,b,1\n'
wrong 'wrong:2: bad JSON' '{"sentence1":"a","sentence2":"b","score":1}\n{"sentence1":"a"\n'
wrong "wrong:1: the object has no member 'sentence2'" '{"sentence1":"a","score":1}\n'
wrong "wrong:1: neither a string nor a number is 'sentence1'" '{"sentence1":["a"],"sentence2":"b","score":1}\n'
wrong 'wrong: there is no record in it' ''
wrong 'wrong: there is no record in it' 'sentence1\tsentence2\tscore\n'
wrong 'wrong:1: .*UTF-8' '1\t\377\tb\n'
wrong 'the text is UTF-16' '1\0\t\0a\0\t\0b\0\n\0'
refused 1 'absent.tsv' "$model" --task stsb "$work/absent.tsv"
refused 2 'give --task sst2, .* or rerank, or --against FILE' "$model" "$work/last.tsv"
refused 2 "'stsx'" "$model" --task stsx "$work/last.tsv"
refused 2 'has no such head' "$model" --task sst2 "$work/last.tsv"

# ---- --against ----

# Fourteen distinct texts, some of them twice, and blank lines, which are texts.
{ cut -f 1 "$work/texts"; echo; cut -f 2 "$work/texts"; echo; printf 'a\nb\nc\nfast\nslow'; } >"$work/lines"
# The figures of a model beside itself.
itself='n 19|truncated 0|texts 19|cosine 1.000000|percentile_1 1.000000|least 1.000000|neighbours 100.00|'
against() { tern eval "$model" --against "$@" 2>&1 | without_time | sed '/^worst/d; /^digest/d' | tr -s ' ' | tr '\n' '|'; }
is 'a model beside itself' "$(against "$model" "$work/lines")" "$itself"
tern embed "$model" -o "$work/v.npy" <"$work/lines"
is 'a model beside its vectors' "$(against "$work/v.npy" "$work/lines")" "$itself"
cp "$work/v.npy" "$work/vectors"
is 'vectors that are not named .npy' "$(against "$work/vectors" "$work/lines")" "$itself"
is 'beside itself, as an object' "$(tern eval "$model" --against "$model" "$work/lines" --json |
    sed -E 's/(,"seconds".*|"worst":.*"neighbours")/X/g')" \
    '{"task":null,"n":19,"truncated":0,"texts":19,"cosine":1,"percentile_1":1,"least":1,X:1X'
is 'the float model' "$(tern eval "$model" --against "$work/f32.tern" "$work/lines" | grep -c '^cosine  *0\.99\|^neighbours  *[89]')" 2
# The vector of another text stands in row 3.
sed '3s/.*/the price falls, not slow/' "$work/lines" | tern embed "$model" -o "$work/v.npy"
is 'the worst text' "$(figure worst "$model" --against "$work/v.npy" "$work/lines")" 'line 3: Paris is fast'
is 'the worst text as an object' "$(tern eval "$model" --against "$work/v.npy" "$work/lines" --json | grep -c '"worst":{"line":3,"text":"Paris is fast"}')" 1
head -11 "$work/lines" | sort -u >"$work/few"
is 'neighbours of few texts' "$(figure neighbours "$model" --against "$model" "$work/few")" undefined
is 'neighbours of few texts as an object' "$(tern eval "$model" --against "$model" "$work/few" --json | grep -c '"neighbours":null')" 1
# Of a task every distinct text counts once; vectors are those of all or of the distinct ones.
tr '\t' '\n' <"$work/texts" >"$work/all"
awk '!seen[$0]++' "$work/all" >"$work/distinct"
for rows in all distinct; do
    tern embed "$model" -o "$work/v.npy" <"$work/$rows"
    is "a task beside vectors of $rows texts" "$(against "$work/v.npy" --task stsb "$work/last.tsv")" \
        "task stsb|n 6|truncated 0|pearson 100.00|spearman 100.00|texts 10|cosine 1.000000|percentile_1 1.000000|least 1.000000|neighbours undefined|"
done
sed 's/Paris is fast/the price falls/' "$work/distinct" | tern embed "$model" -o "$work/v.npy"
is 'the worst text of a task' "$(figure worst "$model" --task stsb "$work/last.tsv" --against "$work/v.npy")" 'line 3: Paris is fast'
# Labels: the best one, several that hold, a value.
is 'labels' "$(tern eval models/sentiment-mini.tern --against models/sentiment-mini.tern "$work/lines" | grep -c '^agreement  *100.00\|^difference  *0.000000')" 2
is 'several labels' "$(tern eval "$work/01-multilabel.tern" --against "$work/01-multilabel.tern" "$work/lines" | grep -c '^agreement  *100.00\|^difference  *0.000000')" 2
is 'a value' "$(tern eval "$work/02-regression.tern" --against "$work/02-regression.tern" "$work/lines" | grep -c '^agreement\|^difference  *0.000000')" 1
is 'a task beside another model' "$(tern eval models/sentiment-mini.tern --task sst2 "$work/sst2.csv" --against models/sentiment-mini.tern | grep -c '^agreement  *100.00\|^cosine  *1.0')" 2
is 'no labels of another task' "$(tern eval models/sentiment-mini.tern --task stsb "$work/last.tsv" --against models/sentiment-mini.tern | grep -c agreement)" 0

# Long texts are refused, or cut and counted.
{ yes the | head -100 | tr '\n' ' '; echo; echo the; } >"$work/long"
refused 4 'long:1: 10[0-9] tokens' "$model" --against "$model" "$work/long"
is 'truncated' "$(figure truncated "$model" --against "$model" "$work/long" --truncate head)" 1

# What cannot be compared.
tern embed "$model" -o "$work/v.npy" a b
refused 4 'v.npy: has 2 rows; .*lines has 19 texts, blank lines included' "$model" --against "$work/v.npy" "$work/lines"
refused 4 'v.npy: has 2 rows; .* has 12 texts, 10 of them distinct' "$model" --task stsb --against "$work/v.npy" "$work/last.tsv"
tern embed "$model" --dimensions 16 -o "$work/v.npy" <"$work/lines"
refused 4 'vectors of 16 numbers, which cannot be compared with the 32 of' "$model" --against "$work/v.npy" "$work/lines"
{ echo; printf '\377\n'; } | tern embed "$model" --keep-going -o "$work/v.npy" 2>/dev/null
printf 'a\nb\n' >"$work/two"
refused 4 'v.npy: row 2 of 2 has a number that is not finite' "$model" --against "$work/v.npy" "$work/two"
tern embed "$model" -o "$work/v.npy" a b
head -c 300 "$work/v.npy" >"$work/cut.npy"
refused 4 'cut.npy: ends in row 2 of 2; it was cut off' "$model" --against "$work/cut.npy" "$work/two"
{ cat "$work/v.npy"; echo; } >"$work/more.npy"
refused 4 'more.npy: goes on behind its last row, 2' "$model" --against "$work/more.npy" "$work/two"
echo 'no vectors' >"$work/text.npy"
refused 4 "text.npy: its header is none of NumPy's" "$model" --against "$work/text.npy" "$work/two"
refused 4 'Fortran order' "$model" --against tests/fuzz/fuzz_npy/bad_fortran "$work/two"
refused 4 "its numbers are '>f4'" "$model" --against tests/fuzz/fuzz_npy/bad_big_endian "$work/two"
refused 1 'absent.npy: cannot open' "$model" --against "$work/absent.npy" "$work/two"
refused 5 'absent.tern' "$model" --against "$work/absent.tern" "$work/two"
refused 2 'vectors of 256 numbers, which cannot be compared with the 32' "$model" --against models/sentiment-mini.tern "$work/two"
refused 2 'has other labels than' "$work/01-multilabel.tern" --against "$work/02-regression.tern" "$work/two"
: >"$work/none"
refused 4 'none: there is no text in it' "$model" --against "$model" "$work/none"

finish
