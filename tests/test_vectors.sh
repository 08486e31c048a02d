#!/bin/sh
# usage: tests/test_vectors.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# `tern embed --sparse` and `--tokens`: sides of a search, texts that are refused, files that grow. tests/test_vectors.c
# and tests/test_router.c compare the numbers with sentence-transformers.
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/script.sh
. tests/script.sh
for name in router splade stanford; do
    tern convert -q tests/golden/vectors/$name -o "$work/$name.tern" 2>"$work/log" || fail "convert $name: $(cat "$work/log")"
done
router=$work/router.tern colbert=$work/stanford.tern

# ---- Sparse vectors ----

sparse() { tern embed "$router" --sparse "$@"; }
text='how do i reset the router?'
is 'a query is looked up' "$(sparse --query "$text")" 'how:3.13086 i:3.06445 do:2.5 reset:1.88379 router:1.67383 ?:0.752441'
is 'the name of the side' "$(sparse --prompt-name query "$text")" "$(sparse --query "$text")"
is 'a document is run' "$(sparse --prompt-name document --ids --top 3 "$text" | tr ' ' '\n' | cut -d: -f1 | tr '\n' ' ')" '61 31 72 '
is 'no side is a document' "$(sparse "$text")" "$(sparse --prompt-name document "$text")"
is 'where documents and queries are run alike, the prompt differs' "$(tern embed "$work/splade.tern" --sparse --query "$text")" \
    "$(tern embed "$work/splade.tern" --sparse "the $text")"
refused 2 'both given' embed "$router" --sparse --query --prompt-name document x
refused 2 'has document, query' embed "$router" --sparse --prompt-name passage x
refused 4 'has no pair' embed "$router" --sparse --query --pair 'a	b'

# ---- Texts together ----

printf 'the router\n\377\n%s\npress a button\n' "$text" >"$work/texts"
for way in '--sparse' '--sparse --query' '--sparse --json' '--tokens' '--tokens --query' '--tokens --query --json'; do
    model=$router
    case $way in --tokens*) model=$colbert ;; esac
    # shellcheck disable=SC2086
    {
        tern embed "$model" $way --keep-going <"$work/texts" >"$work/all" 2>"$work/err"
        is "$way: one is refused" "$? $(grep -c error "$work/all")" '4 1'
        tern embed "$model" $way -b 1 --keep-going <"$work/texts" >"$work/each" 2>"$work/err"
        if cmp -s "$work/all" "$work/each"; then pass; else fail "$way: together and one by one"; fi
        tern embed "$model" $way --keep-going -o "$work/file" <"$work/texts" 2>"$work/err"
        head -c 300 "$work/all" >"$work/file"
        tern embed "$model" $way --keep-going -o "$work/file" --resume <"$work/texts" 2>"$work/err"
        if cmp -s "$work/all" "$work/file"; then pass; else fail "$way: resumed"; fi
    }
done
# It was said that the model takes 48.
refused 4 'text 1: the text has 22 tokens, the limit is 15' embed "$colbert" --tokens --query "$(yes a | head -20 | tr '\n' ' ')"
finish
