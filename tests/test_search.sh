#!/bin/sh
# usage: tests/test_search.sh     TERN_BUILD names the folder of the tern program, TERN_RUN an emulator.
# `tern search`: what files it looks into, what it prints, what an update embeds again, and that no way of ending it
# leaves half an index.
cd "$(dirname "$0")/.." || exit 1
root=$PWD
# shellcheck source=tests/script.sh
. tests/script.sh
command=search

# places ARGUMENTS...: file:line of what tern search prints, sorted, in one line.
places() { tern search "$@" 2>>"$work/messages" | cut -f1 | LC_ALL=C sort | paste -sd' ' -; }

tern convert -q tests/golden/cases/05-default-prompt -o "$work/model.tern" 2>/dev/null || fail convert
tern convert -q tests/golden/cases/05-default-prompt -o "$work/other.tern" --weights f32 2>/dev/null || fail convert
model=$work/model.tern
cd "$work" || exit 1
mkdir -p docs/deep docs/.hidden
cat >docs/a.md <<'TEXT'
# The movie

the movie was great and the price rises in london, which is not slow and not fast, and a dog sat on the mat there
a second line of it

## Another

hello world, the movie was awful
TEXT
printf 'the cat\n\n\nParis is fast\n' >docs/deep/b.txt
printf 'a dog sat\n' >docs/.hidden/c.txt
printf 'a dog\0sat\n' >docs/binary.txt
printf 'caf\351 noir\n' >docs/latin1.txt
: >docs/empty.txt
ln -s ../.. docs/deep/loop
ln -s b.txt docs/deep/link.txt

# ---- What is found ----

is 'all passages' "$(places "$model" "the movie was great" docs)" 'docs/a.md:1 docs/a.md:6 docs/deep/b.txt:1'
is 'no messages' "$(cat "$work/messages")" ''
is 'the best is first' "$(tern search "$model" "the cat  Paris is fast" docs --top 1 | cut -f1)" docs/deep/b.txt:1
is 'the text is one line' "$(tern search "$model" "x" docs/deep | cut -f3)" 'the cat Paris is fast'
is 'this folder' "$(cd docs && places "$model" "x")" 'a.md:1 a.md:6 deep/b.txt:1'
is 'a file' "$(places "$model" "x" docs/a.md)" 'docs/a.md:1 docs/a.md:6'
is 'two roots, one in the other' "$(places "$model" "x" docs ./docs/deep/)" 'docs/a.md:1 docs/a.md:6 docs/deep/b.txt:1'
is 'a hidden folder that is named' "$(places "$model" "x" docs/.hidden)" docs/.hidden/c.txt:1
is 'include' "$(places "$model" "x" docs --include '*.c,*.txt')" docs/deep/b.txt:1
is 'include with a slash' "$(places "$model" "x" docs --include 'deep/*')" docs/deep/b.txt:1
is 'exclude' "$(places "$model" "x" docs --exclude '*.txt')" 'docs/a.md:1 docs/a.md:6'
is 'exclude a folder' "$(places "$model" "x" docs --exclude deep)" 'docs/a.md:1 docs/a.md:6'
is 'top' "$(tern search "$model" "x" docs --top 2 | wc -l)" 2
is 'nothing' "$(tern search "$model" "x" docs/empty.txt 2>&1)" 'tern: warning: there is no passage of text in these files'
tern search "$model" "hello world" docs --json | grep '"line":6' >json
is 'json' "$(sed 's/"score":[0-9.]*/X/' json)" \
    '{"query":"hello world","file":"docs/a.md","line":6,"start":'"$(grep -ob '^## Another' docs/a.md | cut -d: -f1)"',"bytes":44,X,"text":"## Another\n\nhello world, the movie was awful"}'
is 'several queries' "$(printf 'the cat\nhello\n' | tern search "$model" - docs/deep | sed 's/	.*//' | paste -sd' ' -)" \
    '? the cat docs/deep/b.txt:1  ? hello docs/deep/b.txt:1 '
is 'no colour in a file' "$(tern search "$model" x docs | grep -c "$(printf '\033')")" 0
for how in '--vectors int8' '--vectors binary' '-t 1' '-t 3' '-b 1' '--isa scalar'; do
    # shellcheck disable=SC2086 # two words
    is "$how" "$(tern search "$model" "the movie" docs $how | cksum)" "$(tern search "$model" "the movie" docs | cksum)"
done

# ---- Long texts ----

mkdir long
yes 'the movie was great and a dog sat on the mat' | head -100 | tr '\n' ' ' >long/line.txt
yes 'hello world, paris is not fast' | head -60 >long/lines.txt
tern search "$model" "a dog" long --top 1000 --json >json
is 'long texts are cut' "$(($(wc -l <json) > 10))" 1
is 'between words' "$(grep -c '"text":"[^ "]* [^"]* [a-z,]*"}$' json)" "$(wc -l <json)"
is 'lines are where they are' "$(sed -n 's/.*lines.txt","line":\([0-9]*\),.*/\1/p' json | sort -n | tail -1 | awk '{ print ($1 > 40 && $1 <= 60) }')" 1

# ---- Updates ----

index=$work/docs.index
find_all() { places "$model" "x" docs --index "$index"; }
find_all >/dev/null
cksum <"$index" >before
find_all >/dev/null
is 'nothing changed, nothing written' "$(cksum <"$index")" "$(cat before)"
inode=$(ls -i "$index")
find_all >/dev/null
is 'the same file' "$(ls -i "$index")" "$inode"
printf 'new words\n\n' | cat - docs/deep/b.txt >b && cp b docs/deep/b.txt
printf 'the cat\n' >docs/new.txt
is 'a changed and a new file' "$(find_all)" 'docs/a.md:1 docs/a.md:6 docs/deep/b.txt:1 docs/new.txt:1'
is 'its new text' "$(tern search "$model" x docs/deep | cut -f3)" 'new words the cat Paris is fast'
rm docs/new.txt
is 'a removed file' "$(find_all)" 'docs/a.md:1 docs/a.md:6 docs/deep/b.txt:1'
rm docs/a.md
printf 'the cat\n' >docs/other.txt
is 'one goes, one comes' "$(find_all)" 'docs/deep/b.txt:1 docs/other.txt:1'
is 'without an update' "$(rm docs/other.txt; places "$model" x docs --index "$index" --no-update)" \
    'docs/deep/b.txt:1 docs/other.txt:1'
is 'a file that is gone' "$(tern search "$model" "the cat" docs --index "$index" --no-update --top 1 | cut -f3)" \
    '(the file has changed since it was indexed)'
printf 'the cat\n' >docs/other.txt
find_all >/dev/null
touch -d '2001-02-03' docs/other.txt
is 'a new date, the same bytes' "$(find_all)" 'docs/deep/b.txt:1 docs/other.txt:1'

# ---- Indexes that are not to be used ----

cp "$index" good
for damage in 9 40 200; do
    cp good "$index"
    printf '\377' | dd of="$index" bs=1 seek=$damage conv=notrunc 2>/dev/null
    tern search "$model" x docs --index "$index" >out 2>err
    is "damaged at $damage: exit" $? 0
    is "damaged at $damage: a word" "$(grep -c '^tern: warning: .*index' err)" 1
    is "damaged at $damage: made anew" "$(cut -f1 <out | LC_ALL=C sort | paste -sd' ' -)" 'docs/deep/b.txt:1 docs/other.txt:1'
    is "damaged at $damage: whole again" "$(cksum <"$index")" "$(cksum <good)"
done
printf 'more\n' >docs/more.txt
printf '\001' | dd of="$index" bs=1 seek=$(($(wc -c <good) - 64)) conv=notrunc 2>/dev/null
tern search "$model" x docs --index "$index" >out 2>err
is 'damaged vectors are not copied' "$(grep -c 'checksum of its vectors' err) $(wc -l <out)" '1 3'
printf 'my own notes\n' >notes
refused 2 'is no index' "$model" x docs --index notes
is 'a file that is no index stays' "$(cat notes)" 'my own notes'
: >nothing
is 'but for an empty one' "$(places "$model" x docs --index nothing | wc -w)" 3
tern search other.tern x docs --index "$index" >out 2>err
is 'of another model' "$(grep -c 'another model' err) $(wc -l <out)" '1 3'
refused 2 'another model' "$model" x docs --index "$index" --no-update
tern search "$model" x docs --index "$index" --passage-prompt 'passage: ' >out 2>err
is 'of another prompt' "$(grep -c 'other prompts' err)" 1

# ---- Kills ----

i=0
while [ $i -lt 300 ]; do
    printf 'the movie number %s was great and the dog sat on it\n' $i >"long/$i.txt"
    i=$((i + 1))
done
cp good "$index"
for after in 0.02 0.05 0.1 0.2; do
    tern search "$model" x docs long --index "$index" >/dev/null 2>&1 &
    pid=$!
    sleep $after
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    tern search "$model" x docs --index "$index" --no-update >out 2>err
    is "killed after $after" "$? $(cat err)" '0 '
done
is 'and then it is made' "$(tern search "$model" x docs long --index "$index" --top 1000 | grep -c '^long/[0-9]*.txt:1	')" 300

# ---- Reranking, refusals ----

if [ -d "$root/tests/golden/cases/02-regression" ]; then
    tern convert -q "$root/tests/golden/cases/02-regression" -o cross.tern 2>/dev/null
    tern search "$model" "the movie" docs --rerank cross.tern --json >json
    is 'scores fall' "$(sed 's/.*"score":\([-0-9.e]*\),.*/\1/' json | sort -rg | cksum)" \
        "$(sed 's/.*"score":\([-0-9.e]*\),.*/\1/' json | cksum)"
    is "the score is that of rerank" "$(sed -n 's/.*other.txt.*"score":\([-0-9.e]*\),.*/\1/p' json)" \
        "$(tern rerank cross.tern 'the movie' 'the cat' --json | sed 's/.*"score":\([-0-9.e]*\),.*/\1/')"
fi
# A query that is refused is no end of the others.
{ echo 'the cat'; yes the | head -600 | tr '\n' ' '; echo; echo 'the dog'; } >queries
tern search "$model" - docs --top 1 --json <queries >out 2>err
is 'a query that is too long ends the run' "$? $(wc -l <out) $(grep -c 'line 2: .*tokens' err)" '4 1 1'
tern search "$model" - docs --top 1 --json --keep-going <queries >out 2>err
is 'but not with --keep-going' "$? $(sed -n '2s/ tokens.*//; 2s/:".*line 2//; 2p' out | cut -c1-9) $(grep -c '"query":"the dog"' out)" '4 {"error": 1'
is 'and it is told of at the end' "$(grep -c '1 of 3 texts were refused, the first of them: line 2' err)" 1
# Unknown words are no tokens of static embeddings; counting them went round for ever.
tern convert -q "$root/tests/golden/static/potion" -o static.tern 2>/dev/null
is 'unknown words of a static model' "$(tern search static.tern "$(printf '\342\230\203')" docs --index static --top 1 | wc -l)" 1
long=$(head -c 300 /dev/zero | tr '\0' a)
refused 2 'a pattern of 300 bytes' "$model" x docs --exclude "$long"
tern convert -q "$root/tests/golden/cases/01-multilabel" -o labels.tern 2>/dev/null
refused 2 'one label' "$model" x docs --rerank labels.tern
refused 2 'query' "$model"
refused 2 'empty' "$model" ''
refused 2 'int8 or binary' "$model" x --vectors f32
refused 1 'No such file' "$model" x nowhere
refused 5 'No such file' nowhere.tern x docs
refused 1 'No such file' "$model" x docs --index nowhere/index
refused 1 'cannot open' "$model" x docs --index none --no-update
(unset XDG_CACHE_HOME HOME; tern search "$model" x docs 2>&1) >out
is 'nowhere to put the index' "$(grep -c 'no place for the index' out)" 1

finish
