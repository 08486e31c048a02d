#!/bin/sh
# usage: tests/test_tag.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# What tern tag prints in each form, texts that are longer than the model takes, and tern classify's labels of the user's.
# tests/test_tags.c holds entities and scores against transformers'.
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/script.sh
. tests/script.sh

for name in bio nli nli-unnamed; do
    tern convert -q tests/golden/tags/$name -o "$work/$name.tern" --weights f32 >/dev/null 2>&1 || fail "convert $name"
done
ner=$work/bio.tern nli=$work/nli.tern
text='Ada Lovelace met José 😀 in London.'

# ---- Forms of tags ----

columns() { tern tag "$ner" "$@" "$text" | cut -f 1,2,4 | tr '\t\n' ' |'; }
is 'tokens' "$(columns)" \
    'Ada B-LOC|Lovela I-MISC-X|ce I-MISC-X|met B-PER|José I-MISC-X|😀 I-MISC-X|in O|London I-MISC-X|. O||'
is 'entities of words' "$(columns --aggregation first)" \
    'Ada LOC 0-3|Lovelace MISC-X 4-12|met PER 13-16|José 😀 MISC-X 17-27|London MISC-X 31-37||'
is 'entities of tokens' "$(columns --aggregation none | head -c 30)" 'Ada B-LOC 0-3|Lovela I-MISC-X '
is 'CoNLL columns' "$(tern tag "$ner" --conll "$text" x | head -9 | tail -7 | tr '\n' '|')" \
    'met B-PER|José I-MISC-X|😀 I-MISC-X|in O|London I-MISC-X|. O||'
is 'a redacted text' "$(tern tag "$ner" --redact "  $text " | cat -A)" '  [LOC] [MISC-X] [PER] [MISC-X] in [MISC-X]. $'
is 'redacted texts keep their bytes' "$(printf 'in \033[1m\\ in\tin\n\nin\0in' | tern tag "$ner" -0 --redact | od -c)" \
    "$(printf 'in \033[1m\\ in\tin\n\nin\0[PER]\0' | od -c)"
tern tag "$ner" --json --redact "$text" >"$work/json"
for part in '"entities":\[{"entity":"LOC","score":0.504729,"word":"Ada","start":0,"end":3,"start_char":0,"end_char":3}' \
    '"word":"José 😀","start":17,"end":27,"start_char":17,"end_char":23}' \
    '"word":"London","start":31,"end":37,"start_char":27,"end_char":33}\]' \
    '"redacted":"\[LOC\] \[MISC-X\] \[PER\] \[MISC-X\] in \[MISC-X\]."' '"tokens":\[{"token":"Ada","start":0,"end":3,'; do
    is "JSON with $part" "$(grep -c "$part" "$work/json")" 1
done
if [ -z "${TERN_RUN:-}" ] && command -v script >/dev/null 2>&1; then
    marked() { script -qec "env $1 TERM=$2 $bin tag $ner 'Ada Lovelace'" /dev/null </dev/null | tr '\033\r' 'e$'; }
    is 'colours on a terminal' "$(marked 'NO_COLOR=' xterm | grep -c 'e\[30;4[1-6]mAdae\[1m LOCe\[0m ')" 1
    is 'NO_COLOR' "$(marked NO_COLOR=1 xterm | grep -c 'e\[')" 0
    is 'a dumb terminal' "$(marked NO_COLOR= dumb | grep -c "^Ada")" 1
fi

# ---- Long texts: the wrong answer was that the model takes 64 tokens ----

long=$(for i in 1 2 3 4 5 6 7 8 9 10 11 12; do printf '%s ' "$text"; done)
tern tag "$ner" --json --aggregation first "$long" >"$work/long"
is 'tokens of a long text' "$(grep -c '"n_tokens":110,"truncated":false}$' "$work/long")" 1
is 'each token once' "$(grep -o '"token":' "$work/long" | wc -l)" 108
is 'a redacted long text' "$(tern tag "$ner" --redact "$long" | grep -o '\[LOC\] \[MISC-X\] \[PER\]' | head -1)" '[LOC] [MISC-X] [PER]'
is 'words of a long text' "$(tern tag "$ner" --conll "$long" | sed '/^$/d' | cut -d' ' -f1 | head -11 | tr '\n' ' ')" \
    'Ada Lovelace met José 😀 in London . Ada Lovelace met '
tern tag "$ner" --window 20 --stride 6 "$text" "$long" "$text" >"$work/windows"
is 'blocks with windows' "$(grep -c '^$' "$work/windows")" 3
is 'windows leave short texts alone' "$(head -10 "$work/windows" | cut -f 1,2 | tr '\t\n' ' |')" "$(columns)"
refused 4 'the model takes 64; .*--truncate' tag "$ner" --truncate error "$long"
refused 4 'the model takes 64' tag "$ner" --json --logits "$long"
is 'a text that is cut off' "$(tern tag "$ner" --json --truncate head "$long" | grep -c '"n_tokens":64,"truncated":true')" 1
printf '%s\n' "$long" "$text" >"$work/texts"
tern tag "$ner" --redact --input "$work/texts" -o "$work/full"
head -1 "$work/full" >"$work/part"
tern tag "$ner" --redact --input "$work/texts" -o "$work/part" --resume
is 'redacted lines are resumed' "$(cmp "$work/full" "$work/part" && echo same)" same

refused 2 "none, simple, first, average or max, not 'last'" tag "$ner" --aggregation last x
refused 2 'leave out --redact' tag "$ner" --conll --redact x
refused 2 'leave out --json' tag "$ner" --conll --json x
refused 2 'leave out --truncate' tag "$ner" --window 20 --truncate head x
refused 2 'leave out --logits' tag "$ner" --window 20 --json --logits x
refused 2 'the model takes 64 tokens' tag "$ner" --window 65 x
refused 4 'text 1: .*smaller stride' tag "$ner" --window 20 --stride 18 "$long"
printf 'Ada in London\n%s\nAda in London\n' "$long" >"$work/three"
for way in '' --json --conll; do
    # shellcheck disable=SC2086 # no word where there is none
    tern tag "$ner" --window 20 --stride 18 --keep-going $way <"$work/three" >"$work/got" 2>"$work/err"
    is "windows without room $way" "$? $(grep -c '^!error	2	\|^{"error":.*"line":2}' "$work/got") $(grep -c London "$work/got")" '4 1 2'
done

# ---- Labels ----

ranked() { tern classify "$nli" --labels "$@" 'Ada in London' | cut -f 1,2; }
is 'one label of three' "$(ranked 'politics, public health,économie' --template '{} 😀')" "$(printf 'économie\t0.8228')"
is 'all three' "$(ranked 'a,b,c' --top 9 | cut -f 1)" a,c,b
is 'none of several' "$(ranked 'a,b,c' --multi)" "$(printf '\t')"
is 'several over a threshold' "$(ranked 'a,b,c' --multi --threshold 0.01)" "$(printf 'b,c\t0.0234,0.0134')"
printf 'x, y\r\n\n z\n' >"$work/labels"
is 'labels of a file' "$(ranked "@$work/labels" --top 2)" "$(printf 'z,x, y\t0.5031,0.4969')"
is 'ranked labels as JSON' "$(tern classify "$nli" --labels a,b --json 'Ada in London' | sed 's/"score[s]*":[^"}]*//g')" \
    '{"text":"Ada in London","label":"a","labels":["a","b"],}'
tern classify "$work/nli-unnamed.tern" --labels a,b x >"$work/out" 2>"$work/err"
is 'a model whose labels say nothing' "$? $(grep -c 'begins with entail; the last, LABEL_1' "$work/err")" '0 1'
is 'the best of the model' "$(tern classify "$nli" --top 2 x | cut -f 1,2)" "$(printf 'contradiction,neutral\t0.8502,0.1134')"
is 'none of the model' "$(tern classify "$nli" --threshold 0.9 x)" "$(printf '\t\tx')"
refused 2 'no {}' classify "$nli" --labels a,b --template 'no hole' x
refused 2 'multi goes with --labels' classify "$nli" --multi x
refused 2 'template goes with --labels' classify "$nli" --template '{}' x
refused 2 '0 labels' classify "$nli" --labels ' , ' x
refused 2 'not UTF-8' classify "$nli" --labels "$(printf 'a\377')" x
refused 1 'absent' classify "$nli" --labels "@$work/absent" x
refused 2 'leave out --pair' classify "$nli" --labels a,b --pair x
refused 2 'use tern tag' classify "$ner" --labels a,b x
refused 4 'the model takes 64' classify "$nli" --labels a,b "$long"
is 'a text cut off for its labels' "$(tern classify "$nli" --labels a,b --truncate tail "$long" | wc -l)" 1

refused 2 'redact goes without --truncate' tag "$ner" --redact --truncate head x
finish
