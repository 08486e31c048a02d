#!/bin/sh
# usage: tests/test_eval_tasks.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# `tern eval`: the figures of given predictions, and of models, are those of the usual scorers (make_eval_tasks.py in
# tests/golden), and what does not fit is refused.
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/script.sh
. tests/script.sh
command=eval

# expect "ARGUMENTS|NAME VALUE|...": the call's figures are these.
expect() {
    # shellcheck disable=SC2086 # they are words
    tern eval ${1%%|*} --json >"$work/json" 2>"$work/err" || fail "$1: $(cat "$work/err")"
    echo "${1#*|}" | tr '|' '\n' >"$work/wanted"
    if tr ',{}' '\n\n\n' <"$work/json" | tr -d '"' | sed 's/:/ /' |
        awk 'NR == FNR { got[$1] = $2; next } {
            if (!($1 in got)) { print $1 " is not there"; bad = 1 }
            else if (got[$1] - $2 > 1e-8 || $2 - got[$1] > 1e-8) { print $1 " is " got[$1] ", not " $2; bad = 1 }
        } END { exit bad }' - "$work/wanted" >"$work/bad"; then pass; else fail "${1%%|*}: $(cat "$work/bad")"; fi
}

cd tests/golden/eval || exit 1
while IFS= read -r line; do
    expect "$line"
done <figures
while IFS= read -r line; do
    case=${line%% *}
    [ -e "$work/$case.tern" ] || tern convert -q ../cases/"$case" -o "$work/$case.tern" --weights f32 2>/dev/null ||
        fail "convert $case"
    expect "$work/$case.tern ${line#* }"
done <model_figures

head -5 sst2.labels >"$work/few"
refused 4 'few: has 5 predictions for the data' --task sst2 sst2.tsv --predictions "$work/few"
{ cat sst2.labels; echo 1; } >"$work/more"
refused 4 "more:41: is one prediction more than the data's 40 rows" --task sst2 sst2.tsv --predictions "$work/more"
sed '3s/.*/maybe/' rte.labels >"$work/odd"
refused 4 "odd:3: 'maybe' is no label of rte" --task rte rte.tsv --predictions "$work/odd"
sed '3d' rte.submission >"$work/gap"
refused 4 'gap:3: the index of row 2 should be 1' --task rte rte.tsv --predictions "$work/gap"
printf 'sentence1\tsentence2\tgold_label\na\tb\t-\n' >"$work/hidden.tsv"
refused 4 "hidden.tsv:2: the gold_label is '-', not a whole number from 0 to 2 or a name" --task mnli "$work/hidden.tsv" --predictions mnli.labels
refused 2 'sst2.labels is there already; leave out the model' --task sst2 a.tern sst2.tsv --predictions sst2.labels
refused 2 'one data file, or a model' --task sst2 a.tern b.tern sst2.tsv --predictions sst2.labels
refused 2 'leave out --predictions' --against x --predictions sst2.labels sst2.tsv
refused 2 '.--no-answers is for --task squad' --task sst2 sst2.tsv --predictions sst2.labels --no-answers x
refused 4 'sst2.tsv: value 1 is bad JSON' --task squad sst2.tsv --predictions squad1.predictions
refused 4 'absent' --task rerank rerank.jsonl --predictions "$work/absent"
refused 4 'is no JSON object' --task squad squad1.json --predictions rerank.scores
echo '{"q1": 3}' >"$work/number"
refused 4 'the answer to q1 is no string' --task squad squad1.json --predictions "$work/number"
sed 1d conll.labels >"$work/shifted"
refused 4 'shifted:2: a sentence ends here in one of both files alone' --task conll conll.txt --predictions "$work/shifted"
head -20 conll.row >"$work/part"
refused 4 'part: has 20 labels for the' --task conll conll.txt --predictions "$work/part"
refused 4 'has one column' --task conll conll.labels --predictions conll.labels
echo '1 Q0 d1 1 high x' >"$work/run"
refused 4 'run:1: is no line of a run' --task retrieval beir --predictions "$work/run"
printf '1 Q0 d1 1 2 x\n1 Q0 d1 2 1 x\n' >"$work/twice"
refused 4 'twice: document d1 stands twice under query 1' --task retrieval beir --predictions "$work/twice"
sed '2s/\[/[1,/' rerank.scores >"$work/scores"
refused 4 'scores: list 2 has [0-9]* scores for its' --task rerank rerank.jsonl --predictions "$work/scores"

finish
