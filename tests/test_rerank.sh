#!/bin/sh
# usage: tests/test_rerank.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# `tern rerank` beside sentence-transformers' CrossEncoder.rank (make_rerank.py in tests/golden), and the ways in which
# documents come; tasks of `tern eval` that run a model beside the commands that answer the same texts.
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/script.sh
. tests/script.sh

# changed CASE NAME SED: a checkpoint with another config.json, converted to NAME.tern.
changed() {
    rm -rf "$work/folder"
    cp -r "$1" "$work/folder"
    [ -e "$1/vocab.txt" ] || head -96 tests/golden/cases/02-regression/vocab.txt >"$work/folder/vocab.txt"
    cp tests/golden/cases/02-regression/tokenizer_config.json "$work/folder"
    sed "$3" "$1/config.json" >"$work/folder/config.json"
    tern convert -q "$work/folder" -o "$work/$2.tern" --weights f32 >"$work/log" 2>&1 || fail "convert $2: $(cat "$work/log")"
}

# ---- Scores and order ----

activation='"sentence_transformers": {"activation_fn": "torch.nn.modules.'
changed tests/golden/cases/02-regression raw "s/\"problem_type\".*/${activation}linear.Identity\"},/"
changed tests/golden/cases/02-regression sigmoid "s/\"problem_type\".*/${activation}activation.Sigmoid\"},/"
cat >"$work/documents" <<LINES
the movie was great
a dog sat
paris is fast
hello (world)!

the price rises
cat
the movie was awful
london
is london not slow and is the dog fast
LINES
query='is the movie great'
for kind in raw sigmoid; do
    tern rerank "$work/$kind.tern" "$query" --json <"$work/documents" | tr -d '{}"' | tr ',:' '  ' >"$work/got"
    grep "^$kind " tests/golden/rerank.txt >"$work/wanted"
    if paste -d' ' "$work/wanted" "$work/got" |
        awk '$2 != $5 || $3 - $7 > 1e-5 || $7 - $3 > 1e-5 { print; bad = 1 } END { exit bad || NR != 10 }' >"$work/bad"
    then pass; else fail "$kind: $(cat "$work/bad")"; fi
done
model=$work/sigmoid.tern
tern rerank "$model" "$query" <"$work/documents" >"$work/plain"
is 'plain lines' "$(head -1 "$work/plain" | grep -c '^0\.[0-9][0-9][0-9][0-9]	')" 1
is 'top' "$(tern rerank "$model" "$query" --top 3 <"$work/documents")" "$(head -3 "$work/plain")"
is 'words' "$(tern rerank "$model" "$query" cat 'a dog sat' | sort)" "$(grep 'cat\|a dog' "$work/plain" | sort -u)"
is 'the query as an option' "$(tern rerank "$model" --query "$query" cat 'a dog sat' | sort)" "$(grep 'cat\|a dog' "$work/plain" | sort -u)"
is 'a file' "$(tern rerank "$model" "$query" --input "$work/documents")" "$(cat "$work/plain")"
sed 's/.*/{"id":1,"body":"&"}/' "$work/documents" >"$work/documents.jsonl"
is 'objects' "$(tern rerank "$model" "$query" --input "$work/documents.jsonl" --field body)" "$(cat "$work/plain")"
is 'results by batch and threads' "$(tern rerank "$model" "$query" -b 3 -t 1 <"$work/documents")" "$(cat "$work/plain")"
printf '{"query":"%s","documents":["cat","a dog sat"]}\n\n{"query":"x","documents":[]}\n' "$query" >"$work/lists"
tern rerank "$model" "$query" --json cat 'a dog sat' | tr '\n' ',' | sed 's/,$//' >"$work/one"
is 'lists' "$(tern rerank "$model" --input "$work/lists")" "$(printf '{"query":"%s","ranked":[%s]}\n{"query":"x","ranked":[]}' "$query" "$(cat "$work/one")")"
yes the | head -100 | tr '\n' ' ' >"$work/long"
refused 4 'document 1: the text has 1[0-9][0-9] tokens' rerank "$model" "$query" --input "$work/long"
is 'a long document, cut' "$(tern rerank "$model" "$query" --input "$work/long" --truncate head --json | grep -c '"truncated":true')" 1
refused 2 'no query' rerank "$model"
refused 4 'documents:1: is no object' rerank "$model" --input "$work/documents"
{ head -3 "$work/documents"; cat "$work/long"; echo; printf 'b\377\n'; } >"$work/some"
tern rerank "$model" "$query" --keep-going --input "$work/some" >"$work/got" 2>"$work/err"
is 'documents that are refused' "$? $(grep -c '^!error	[45]	' "$work/got") $(wc -l <"$work/got")" '4 2 5'
is 'the others are ranked' "$(tail -3 "$work/got")" "$(head -3 "$work/documents" | tern rerank "$model" "$query")"
is 'what is said at the end' "$(sed 's/, the first.*//' "$work/err")" 'tern: 2 of 5 texts were refused'
tern rerank "$model" "$query" -o "$work/file" <"$work/documents"
is 'a file of one query' "$(cat "$work/file")" "$(cat "$work/plain")"
refused 2 'nothing to go on with' rerank "$model" "$query" cat -o "$work/file" --resume
{ cat "$work/lists"; echo '{"query":"y","documents":[1]}'; echo 'no list'; sed 1q "$work/lists"; } >"$work/more"
tern rerank "$model" --input "$work/more" --keep-going >"$work/all" 2>"$work/err"
is 'lists that are refused' "$? $(grep -c '^{"error":' "$work/all") $(wc -l <"$work/all")" '4 2 5'
refused 4 'more:4: document 1 is no string' rerank "$model" --input "$work/more" -o "$work/file"
head -c 90 "$work/all" >"$work/file"
tern rerank "$model" --input "$work/more" --keep-going -o "$work/file" --resume 2>"$work/err"
is 'lists resumed' "$(cat "$work/file")" "$(cat "$work/all")"
is 'a summary' "$(tern rerank "$model" --input "$work/lists" --summary 2>&1 >/dev/null | grep -c '2 texts')" 1
tern convert -q tests/golden/cases/05-default-prompt -o "$work/embed.tern" 2>/dev/null || fail 'convert embed'
refused 2 'makes vectors of texts.*tern embed' rerank "$work/embed.tern" a b
refused 2 'has [0-9]* labels, and rerank needs a cross-encoder' rerank models/sentiment-mini.tern a b

# ---- eval: the same figures by a model as by the predictions of its command ----

figures() { sed 's/,"truncated":[0-9]*//; s/,"missing":[0-9]*//; s/,"seconds".*/}/'; }
same() { is "$1" "$(tern eval "$work/$2.tern" --task "$3" "$4" --json | figures)" "$(tern eval --task "$3" --predictions "$5" "$4" --json | figures)"; }

# Of a list's documents those that the golden order has in front.
printf '{"query":"%s","positive":["the movie was great","cat"],"negative":["a dog sat","paris is fast"]}\n' "$query" >"$work/judged"
for i in 0 6 1 2; do awk -v i=$i '$1 == "raw" && $2 == i { print $3 }' tests/golden/rerank.txt; done | paste -sd, | sed 's/.*/[&]/' >"$work/scores"
same 'rerank by a cross-encoder' raw rerank "$work/judged" "$work/scores"
tern embed "$work/embed.tern" --cosine "$query" cat >/dev/null || fail 'embed'
is 'rerank by vectors' "$(tern eval "$work/embed.tern" --task rerank "$work/judged" | grep -c '^map\|^mrr@10\|^ndcg@10')" 3

# A model's labels are found by their names, whatever their order.
names() { echo "s/LABEL_0/$1/; s/LABEL_1/$2/; s/LABEL_2/$3/"; }
three=tests/golden/zoo/electra
tab=$(printf '\t')
awk -v OFS="$tab" 'BEGIN { print "sentence1", "sentence2", "gold_label"; split("entailment neutral contradiction", l, " ") }
    { print $0, "a dog sat", l[NR % 3 + 1] }' "$work/documents" >"$work/mnli.tsv"
tail -n +2 "$work/mnli.tsv" | cut -f 1,2 >"$work/pairs"
for order in 'entailment neutral contradiction' 'Contradiction ENTAILMENT neutral'; do
    # shellcheck disable=SC2086 # three words
    changed $three mnli "$(names $order)"
    tern classify "$work/mnli.tern" --pair <"$work/pairs" | cut -f 1 >"$work/labels"
    same "mnli, $order" mnli mnli "$work/mnli.tsv" "$work/labels"
done
# Predictions that are written as they come: a label in each line, scored as those of the model; a run goes on in them.
written() {
    rm -f "$work/made"
    tern eval "$work/$1.tern" --task "$2" "$3" --predictions "$work/made" --json >"$work/got" 2>"$work/err"
    is "$2 written" "$(figures <"$work/got")" "$(tern eval --task "$2" "$3" --predictions "$work/made" --json)"
    is "$2 as the model's" "$(figures <"$work/got")" "$(tern eval "$work/$1.tern" --task "$2" "$3" --json | figures)"
    cp "$work/made" "$work/whole"
    head -c $(($(wc -c <"$work/whole") / 2)) "$work/whole" >"$work/made"
    tern eval "$work/$1.tern" --task "$2" "$3" --predictions "$work/made" --resume --json >"$work/got" 2>"$work/err"
    is "$2 resumed" "$(cksum <"$work/made") $(figures <"$work/got")" \
        "$(cksum <"$work/whole") $(tern eval --task "$2" "$3" --predictions "$work/whole" --json)"
    echo other >"$work/made"
    refused 2 'made: cannot be resumed' eval "$work/$1.tern" --task "$2" "$3" --predictions "$work/made" --resume
    is "$2 left alone" "$(cat "$work/made")" other
}
written mnli mnli "$work/mnli.tsv"
awk -v OFS="$tab" 'BEGIN { print "sentence1", "sentence2", "score" } NF { print $0, "a dog sat", NR % 6 }' "$work/documents" >"$work/stsb.tsv"
written embed stsb "$work/stsb.tsv"
written raw stsb "$work/stsb.tsv"
is 'a rate' "$(tern eval "$work/raw.tern" --task stsb "$work/stsb.tsv" | grep -c '^texts/s  *[0-9.]*$')" 1
# It was written, and then read as nothing, or for ever.
for other in - /dev/full; do
    refused 2 "$other is no regular file" eval "$work/raw.tern" --task stsb "$work/stsb.tsv" --predictions "$other"
done
refused 2 'give both' eval "$work/raw.tern" --task stsb "$work/stsb.tsv" --resume
refused 2 'leave out --shuffle' eval "$work/raw.tern" --task stsb "$work/stsb.tsv" --predictions "$work/made" --shuffle 1
refused 2 'leave out --predictions' eval "$work/raw.tern" --task rerank "$work/judged" --predictions "$work/made"
changed $three mnli "$(names yes neutral no)"
refused 2 'mnli has the 3 labels entailment' eval "$work/mnli.tern" --task mnli "$work/mnli.tsv"

# Its labels without names are taken by their numbers, with a warning.
changed $three mnli ''
is 'labels without names' "$(tern eval "$work/mnli.tern" --task mnli "$work/mnli.tsv" 2>&1 >/dev/null | grep -c 'taken by their numbers: LABEL_0 for entailment')" 1

# Answers.
changed tests/golden/zoo/bert-answer answer ''
squad() { printf '{"version":"%s","data":[{"title":"","paragraphs":[{"context":"%s","qas":[' "$1" "a dog sat. the cat is fast, not slow"
    printf '{"id":"1","question":"b c","answers":[{"text":"the cat","answer_start":11}]},'
    printf '{"id":"2","question":"d","answers":[%s]}]}]}]}' "$2"; }
squad 1.1 '{"text":"dog sat","answer_start":2}' >"$work/squad1.json"
tern answer "$work/answer.tern" --squad "$work/squad1.json" --max-length 30 >"$work/answers" || fail answer
same 'squad' answer squad "$work/squad1.json" "$work/answers"
squad v2.0 '' >"$work/squad2.json"
tern answer "$work/answer.tern" --squad "$work/squad2.json" --max-length 30 --no-answer >"$work/answers" || fail answer
same 'squad 2.0' answer squad "$work/squad2.json" "$work/answers"
refused 2 "head classifier, not answerer" eval "$work/raw.tern" --task squad "$work/squad1.json"

finish
