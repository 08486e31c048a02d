#!/bin/sh
# usage: tests/test_answer.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# `tern answer` and `tern fill`: the forms of their results, files in SQuAD's form, and what they refuse.
# tests/test_answers.c holds the answers themselves against transformers'.
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/script.sh
. tests/script.sh

for task in answer fill; do
    tern convert -q --outliers off tests/golden/tasks/$task -o "$work/$task.tern" 2>/dev/null || fail "convert $task"
done
answer=$work/answer.tern fill=$work/fill.tern tab=$(printf '\t')

# ---- Questions ----

context='It was written by the younger brother in 1603.'
printf '%s' "$context" >"$work/context.txt"
line=$(tern answer "$answer" --context "$work/context.txt" 'Who wrote it?')
is 'a question and its context in a line' "$(printf 'Who wrote it?\t%s\n' "$context" | tern answer "$answer")" "$line"
range=$(printf %s "$line" | cut -f3)
is 'the bytes of an answer' "$(printf %s "$context" | cut -c$((${range%-*} + 1))-${range#*-})" "$(printf %s "$line" | cut -f1)"
is 'answers of one question, and an empty line' \
    "$(tern answer "$answer" --context "$work/context.txt" --top 3 'Who wrote it?' | wc -l)" 4
is 'the best answer is the first of several' \
    "$(tern answer "$answer" --context "$work/context.txt" --top 3 'Who wrote it?' | head -n1 | cut -f1)" \
    "$(printf %s "$line" | cut -f1)"
tern answer "$answer" --context "$work/context.txt" --json --top 2 'Who wrote it?' >"$work/json"
is 'keys of an answer' "$(tr -cs 'a-z_' '\n' <"$work/json" | grep -cxE 'question|answers|answer|score|start|end|start_char|end_char')" 14
is 'logits of all tokens' "$(tern answer "$answer" --context "$work/context.txt" --json --logits 'Who wrote it?' |
    grep -oE '"(start|end)_logits":\[[-0-9.,e]*\]' | tr -cd ',\n' | awk '{ print length + 1 }' | sort -u | wc -l)" 1
is 'an answer that is not there' \
    "$(tern answer "$answer" --context "$work/context.txt" --no-answer --top 1000 'Who wrote it?' | grep -c "^$tab")" 1
is 'threads and windows change nothing' \
    "$(tern answer "$answer" --context "$work/context.txt" --window 20 --stride 4 -t 2 -b 1 'Who wrote it?')" \
    "$(tern answer "$answer" --context "$work/context.txt" --window 20 --stride 4 -t 1 -b 9 'Who wrote it?')"

cat >"$work/squad.json" <<JSON
{"version": "v2.0", "data": [{"title": "x", "paragraphs": [{"context": "$context", "qas": [
 {"id": "a", "question": "Who wrote it?", "answers": [], "is_impossible": false},
 {"id": "b\"", "question": "how many", "answers": []}]}]}]}
JSON
tern answer "$answer" --squad "$work/squad.json" >"$work/predictions"
is 'the predictions of two questions' "$(grep -c '^[{,]*"[ab].*": ".*"[,}]' "$work/predictions")" 2
is 'a prediction' "$(sed -n 's/^{"a": "\(.*\)",$/\1/p' "$work/predictions")" "$(printf %s "$line" | cut -f1)"
printf '{"data": []}' >"$work/none.json"
is 'no questions' "$(tern answer "$answer" --squad "$work/none.json")" '{}'
printf '{"data": [{"paragraphs": [{"qas": [{"id": "a", "question": "b"}]}]}]}' >"$work/bad.json"
refused 4 'a string "context" is missing' answer "$answer" --squad "$work/bad.json"
printf '[1' >"$work/bad.json"
refused 4 'bad.json' answer "$answer" --squad "$work/bad.json"
refused 4 'absent' answer "$answer" --squad "$work/absent.json"
refused 2 'leave out --json' answer "$answer" --squad "$work/none.json" --json
refused 2 'goes with --json' answer "$answer" --logits x
refused 2 'head answerer, not tagger; use tern answer' tag "$answer" x
refused 2 'head classifier, not answerer; use tern classify' answer models/sentiment-mini.tern "q${tab}c"
refused 2 'take 96 tokens' answer "$answer" --window 97 "q${tab}c"
refused 4 'leave no room' answer "$answer" --window 8 --stride 5 "who wrote it${tab}$context"
printf 'no tab\nWho wrote it?\t%s\n' "$context" | tern answer "$answer" --keep-going >"$work/out" 2>/dev/null
is 'the exit code behind a refused text' $? 4
is 'a text behind a refused one' "$(tail -n1 "$work/out")" "$line"

is 'a question without a context has a line' "$(printf 'Who?\t\n' | tern answer "$answer" | wc -l)" 1
sed 's/"id": "b\\""/"id": "a"/' "$work/squad.json" >"$work/twice.json"
is 'two questions with one id' "$(tern eval "$answer" --task squad "$work/twice.json" 2>/dev/null | grep -c '^exact')" 1

# ---- Words ----

is 'words of two masks' "$(tern fill "$fill" --top 3 'The [MASK] is in the [MASK].' | wc -l)" 9
is 'targets alone' "$(tern fill "$fill" --targets queen,king 'The [MASK] is.' | cut -f1 | sort | tr '\n' ' ')" '  king queen '
tern fill "$fill" --json --logits --top 2 'The [MASK] is.' >"$work/json"
is 'keys of words' "$(tr -cs 'a-z_' '\n' <"$work/json" | grep -cxE 'text|masks|id|token|score|logit|n_tokens|truncated')" 12
is 'one score for each text' "$(printf 'The king\nThe queen is\n' | tern fill "$fill" --score | cut -f2 | tr '\n' '|')" \
    'The king|The queen is|'
is 'a score as JSON' "$(tern fill "$fill" --score --json 'The king' | tr -cs 'a-z_' '\n' | grep -cxE 'score|perplexity|n_tokens')" 3
refused 4 'write \[MASK\]' fill "$fill" 'no mask'
refused 2 "'kingdoms' is not one token" fill "$fill" --targets 'king,kingdoms' 'a [MASK]'
refused 2 'without --targets' fill "$fill" --score --targets king x
refused 2 'head filler, not classifier; use tern fill' classify "$fill" x
is 'vectors of such a model' "$(tern embed "$fill" 'The king' --json | tr -cd ',' | wc -c)" 26
is 'the head in the description' "$(tern info "$fill" | grep -c 'tern fill')" 1

finish
