#!/bin/bash
# usage: tests/test_examples.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# Every command in the `sh` blocks of the pages on what a Pi can do runs as written, on small models of the tests: their
# answers mean nothing, but nothing is refused, and what a page says of files holds.
cd "$(dirname "$0")/.." || exit 1
root=$PWD
# shellcheck source=tests/script.sh
. tests/script.sh
export TERN_PROGRAM="${TERN_RUN:-} $bin"

mkdir -p "$work/bin" "$work/at/mails" "$work/at/manuals"
# shellcheck disable=SC2016 # for the script that it writes
printf '#!/bin/sh\nexec $TERN_PROGRAM "$@"\n' >"$work/bin/tern"
chmod +x "$work/bin/tern"
PATH=$work/bin:$PATH
cd "$work/at" || exit 1
model() { tern convert -q --outliers off "$root/tests/golden/$2" -o "$1.tern" 2>/dev/null || fail "convert $2"; }
model ner tags/bio
model nli tags/nli
model qa tasks/answer
model embedder cases/05-default-prompt
model toxic cases/01-multilabel
cp -r "$root/tests/golden/cases/02-regression" cross
model cross cases/02-regression

printf 'login of Ada Lovelace from London\nerror: disk full\nlogout of Charles Babbage\nnight\nmorning\n' >service.log
printf 'Dear Ada,\n\nCharles came from London.\n' >mails/1
printf 'To whom it may concern\n' >mails/2
printf '# Boiler\n\nOpen the valve to bleed a radiator.\n\nError E12: no water.\n' >manuals/boiler.md
printf 'The warranty ends after two years.\n' >manuals/fridge.txt
printf '{"message": "hello world"}\n{"message": "the movie\\nwas great"}\n' >chat.jsonl
printf 'hello world\nwhat a film\n' >chat.txt
printf '# How long does delivery take?\n\nIt takes three days.\n\n# Can I send it back?\n\nYes, within a month.\n' >faq.md
printf 'question\tcontext\nWho wrote it?\tIt was written by the younger brother.\n' >questions.tsv
printf '{"version": "1.1", "data": [{"paragraphs": [{"context": "It was written by Ada.", "qas": [{"id": "1", "question":
 "Who wrote it?", "answers": [{"text": "Ada", "answer_start": 18}]}]}]}]}' >questions.json

for page in redact mails manuals moderation faq; do
    file=$root/docs/$page.md
    [ "$(wc -l <"$file")" -le 40 ] || fail "$page.md has more than 40 lines"
    block=0
    while IFS= read -r -d '' commands; do
        block=$((block + 1))
        if bash -euo pipefail -c "$commands" >"$work/out" 2>"$work/err"; then pass
        else fail "docs/$page.md, block $block: $(tail -n1 "$work/err")"; fi
    done < <(awk '/^```sh$/ { inside = 1; next } /^```$/ { if (inside) printf "%c", 0; inside = 0 } inside' "$file")
    [ "$block" -gt 1 ] || fail "docs/$page.md has $block blocks of commands"
done

holds() { if eval "$2"; then pass; else fail "$1"; fi; }
holds 'a line of the log is a line without names' '[ "$(wc -l <service-redacted.log)" = 5 ]'
holds 'resuming adds nothing to what is whole' 'cmp -s out.log service-redacted.log'
holds 'a mail is one text' '[ "$(wc -l <tags.jsonl)" = 3 ]'
holds 'a message has an answer' '[ "$(wc -l <judged.jsonl)" = 2 ]'
holds 'a hit has its place' "grep -q '\"file\":\"manuals/' hits.jsonl"

finish
