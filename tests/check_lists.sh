#!/bin/bash
# usage: check_lists.sh <build folder>
# What people wrote (man page, README, docs, public headers) and the help name everything in the lists that the program
# is made from, and nothing that is in none of them. The lists are simd/{formats,shapes,features,isa}.def, the program's
# commands and the tasks of tern eval.
set -euo pipefail
cd "$(dirname "$0")/.."
tern=$1/tern
[ -x "$tern" ] || { echo "no $tern"; exit 1; }
errors=0
fail() { echo "$*"; errors=$((errors + 1)); }

# ---- The lists -----------------------------------------------------------------------------------------------------

# rows <list> <macro with parameters> <what each row prints>
rows() {
    printf '#define %s @ %s\n#include "simd/%s.def"\n' "$2" "$3" "$1" | "${CC:-cc}" -E -I. - | sed -n 's/^ *@ *//p'
}
FORMAT='FORMAT(id, name, bits, step, offset, most_mul, embeds, rung, ...)'
formats=$(rows formats "$FORMAT" 'name' | tr -d '"')
embeds=$(rows formats "$FORMAT" 'embeds name' | sed -n 's/^1 "\(.*\)"/\1/p')
blocks=$(rows formats "$FORMAT" 'bits name' | sed -n 's/^[48] "\(.*\)"/\1/p')
shapes=$(rows shapes 'SHAPE(id, name, ...)' 'name' | tr -d '"')
features=$(rows features 'FEATURE(id, name, ...)' 'name' | tr -d '"')
# Of all architectures.
isas=$(sed -n 's/^ISA(\([a-z0-9]*\),.*/\1/p' simd/isa.def)
commands=$("$tern" --help | sed -n '/^Usage/,/^$/s/^  \([a-z]*\)  *[^ ].*/\1/p')
boards=$(sed -n 's/^BOARD("\([^"]*\)".*/\1/p' quant/boards.def)
tasks=$(sed -n 's/^    {\.name = "\([a-z0-9]*\)",.*/\1/p' tools/eval_tasks.c)
for list in formats embeds blocks shapes features isas boards commands tasks; do
    [ -n "${!list}" ] || fail "no names in $list"
done

# ---- Every name stands where it should -----------------------------------------------------------------------------

# of_man <macro and option as troff has it>: that option's text. of_readme <first cell>: that row of the table.
of_man() {
    awk -v from="$1" 'index($0, from) == 1 { on = 1; print; next } /^\.(It|El|Sh|Ss)/ { on = 0 } on' tools/tern.1
}
of_readme() { grep -hs "^| $1 |" README.md docs/*.md || true; }
# of_header <field>: the comment before the field, or behind it in its line.
of_header() {
    awk -v field="[ *]$1;" '/\/\*/ && !/;.*\/\*/ { text = "" } { text = text "\n" $0 }
        $0 ~ field { print text; exit }' quant/tern_convert.h
}
of_help() {
    "$tern" "$1" --help | awk -v from="  --$2 " 'index($0, from) == 1 { on = 1; print; next } /^  -/ { on = 0 } on'
}

# names <place> <text> <names...>: each is a word of the text.
names() {
    local place=$1 text=$2 name
    shift 2
    [ -n "$text" ] || fail "$place: not found"
    for name; do
        grep -qE "(^|[^A-Za-z0-9_])$name([^A-Za-z0-9_]|\$)" <<<"$text" || fail "$place does not name $name"
    done
}
# shellcheck disable=SC2086
{
    names 'tern convert --help, --weights' "$(of_help convert weights)" f32 $formats auto:BITS
    names 'tern.1, --weights' "$(of_man '.It Fl \-weights')" f32 auto: 'info Fl'
    names 'tern_convert.h, weights' "$(of_header weights)" f32 $formats auto:BITS
    names "README's table, weights" "$(of_readme weights)" f32 $formats
    names 'tern convert --help, --for' "$(of_help convert for)" $boards
    names 'tern.1, --for' "$(of_man '.It Fl \-for')" $boards
    names 'tern_convert.h, board' "$(of_header board)" $boards
    names 'tern convert --help, --embeddings' "$(of_help convert embeddings)" $embeds
    names 'tern.1, --embeddings' "$(of_man '.It Fl \-embeddings')" $embeds
    names 'tern_convert.h, embeddings' "$(of_header embeddings)" $embeds
    names 'tern convert --help, --sparse' "$(of_help convert sparse)" $shapes $blocks
    names 'tern.1, --sparse' "$(of_man '.It Fl \-sparse Ar SHAPE')" $shapes
    names 'tern_convert.h, sparse' "$(of_header sparse)" $shapes $blocks
    names "README's table, sparse weights" "$(of_readme 'sparse weights')" $shapes
    names 'toolchains/*.mk, ISAS' "$(cat toolchains/*.mk | grep '^ISAS')" ${isas#scalar}
    names 'tern eval --help, --task' "$(of_help eval task | tail -n +2)" $tasks
    names 'tern.1, --task of tern eval' "$(of_man '.It Fl \-task Cm sst2')" $tasks
    names 'tern.1, the usage of tern eval' "$(grep '^\.Op Fl .-task Cm sst2' tools/tern.1)" $tasks
    names 'tern.1, the commands' "$(grep '^\.It Cm' tools/tern.1)" $commands
    names 'tern info --formats' "$("$tern" info --formats)" f32 $formats
    names 'tern info --shapes' "$("$tern" info --shapes)" $shapes
}

# docs/format.md has the numbers of a file, and the codebooks.
numbered() {
    local n=$1 name
    shift
    for name; do printf '%d %s\n' $((n++)) "$name"; done | paste -sd, | sed 's/,/, /g'
}
# shellcheck disable=SC2086
for text in "format: $(numbered 0 $formats) |" "blocks of $(numbered 1 $shapes) ("; do
    grep -qF "$text" docs/format.md || fail "docs/format.md does not say $text"
done
while IFS='|' read -r name bits most values; do
    [ "$bits" -le 4 ] || continue
    range=1
    [ "$most" = 1 ] || range="1 to $most"
    row="| $name | $(tr -s ' ' <<<"$values") | $range |"
    grep -qxF "$row" docs/format.md || fail "docs/format.md lacks the row $row"
done < <(rows formats 'FORMAT(id, name, bits, step, offset, most_mul, embeds, rung, says, ...)' \
    'name|bits|most_mul|__VA_ARGS__' | tr -d '"' | sed 's/ *| */|/g')

# The README calls ISAs what their makers do: "AVX-512 VNNI", "ARMv8.0 NEON (32-bit)".
supported=$(for row in x86-64 ARM; do of_readme "$row"; done | cut -d'|' -f3 |
    sed -e 's/;.*//' -e 's/([^)]*)//g' | tr ',A-Z' '\na-z' | sed -E -e 's/armv[0-9.]+//' -e 's/[ .-]//g' | sort -u)
for isa in ${isas#scalar}; do
    grep -qx "$isa" <<<"$supported" || fail "README's table does not name $isa"
done
for isa in $supported; do
    grep -qx "$isa" <<<"$isas" || fail "README's table names $isa, which is not in simd/isa.def"
done

# ---- Nothing else is claimed ---------------------------------------------------------------------------------------

helps=$(for command in $commands; do "$tern" "$command" --help; done)
# claims <pattern of a word> <names...>: words of that pattern in all texts are names.
claims() {
    local pattern=$1 place word text
    shift
    for place in README.md docs/*.md tools/tern.1 runtime/base/tern.h runtime/base/tern_search.h quant/tern_convert.h tools/*.py tools/arm/*.py \
        help; do
        [ "$place" = help ] || [ -e "$place" ] || continue
        text=$([ "$place" = help ] && echo "$helps" || cat "$place")
        for word in $(tr -c 'A-Za-z0-9_=' '\n' <<<"$text" | sed 's/^[A-Za-z_]*=//' | grep -xE "$pattern" | sort -u); do
            case " $* " in *" $word "*) ;; *) fail "$place names $word, which is in no list" ;; esac
        done
    done
}
# shellcheck disable=SC2086
{
    claims '(int|nf|fp)[0-9]' $formats
    claims '[1-9][0-9]*x[1-9][0-9]*' $shapes
    claims '(avx|amx|neon|sve|rvv|dotprod|i8mm)[a-z0-9]*' $isas $features
}
# Quoted in the header, or set as a word to type in the man page.
for name in $(of_header weights | grep -oE '"[a-z0-9]+"' | tr -d '"'); do
    grep -qx "$name" <<<"$formats" || [ "$name" = f32 ] || fail "tern_convert.h names weights \"$name\""
done
for name in $(of_man '.It Fl \-weights' | sed -n '/^\.Cm \(info\|convert\)/!s/^\.Cm//p' | tr -d ','); do
    case $name in
    f32 | auto: | Ns | Ar | BITS) ;;
    *) grep -qx "$name" <<<"$formats" || fail "tern.1 names weights $name" ;;
    esac
done

echo "$(wc -w <<<"$formats $shapes $features $isas $commands $tasks") names"
[ $errors = 0 ]
