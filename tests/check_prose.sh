#!/bin/bash
# usage: tests/check_prose.sh [BUILD-FOLDER]      (a job of tests/run.sh)
# What the documents promise is there: every .c file opens with a comment; README.md has at most 130 lines; the make
# targets and variables, tern commands and options that the documents name exist; so do the files that they link to.
# Options are looked up in the sources of the help, so that nothing has to be built first.
set -euo pipefail
cd "$(dirname "$0")/.."
errors=0
fail() { echo "$*"; errors=$((errors + 1)); }
documents=(README.md CONTRIBUTING.md docs/*.md models/README.md)

while read -r file; do
    [ "$(head -c 2 "$file")" = '/*' ] || fail "$file: does not open with a comment that says what it is for"
done < <(find runtime models simd quant tools tests -name '*.c' -not -path '*/node_modules/*')

lines=$(wc -l <README.md)
[ "$lines" -le 130 ] || fail "README.md: $lines lines, the limit is 130"

# Commands stand in code: in `...`, or in lines of a ``` block, a console's behind "$ ". Continued lines are joined.
code() {
    sed -e ':a' -e '/\\$/N; s/\\\n *//; ta' "$1" |
        awk '/^```/ { block = !block; console = /console/; next }
            block && console && !/^\$ / { next }
            block { sub(/^\$ /, ""); sub(/ +# .*/, ""); gsub(/ && /, "\n"); print; next }
            { while (match($0, /`[^`]+`/)) { print substr($0, RSTART + 1, RLENGTH - 2); $0 = substr($0, RSTART + RLENGTH) } }'
}
has() { grep -qE -- "$1" "$2"; }
targets=$(sed -n 's/^\([a-z][a-z0-9 -]*\):.*/\1/p' Makefile)
helps=(tools/help.c tools/help.h tools/cmd_*.c)
commands=$(sed -n 's/^    {"\([a-z]*\)", "[^"]*", help_.*/\1/p' tools/help.c
    sed -n 's/^HEAD_KIND(.*, \([a-z]*\), "[^"]*")$/\1/p' models/heads.def)
[ -n "$targets" ] && [ -n "$commands" ] || fail "Makefile or tools/help.c cannot be read any more"

# check_make FILE WORD...: words of `make` up to one that ends the command.
check_make() {
    local file=$1 word
    shift
    for word; do
        case $word in
        '#'* | '|' | '>' | '>>' | '<') return ;;
        -*) ;;
        *=*) has "\b${word%%=*}\b" <(cat Makefile tools/peers/run.sh) || fail "$file: make knows no variable ${word%%=*}" ;;
        *) grep -qxF -- "$word" < <(tr ' ' '\n' <<<"$targets") || fail "$file: there is no \`make $word\`" ;;
        esac
    done
}
check_tern() {
    local file=$1 command=$2 word text
    shift 2
    case $command in -*) has "tern $command|\"$command\"" tools/help.c || has "\"$command\"" tools/tern.c ||
        fail "$file: tern has no $command"; return ;; esac
    case $command in *[!a-z]*) return ;; esac
    grep -qxF -- "$command" <<<"$commands" || { fail "$file: there is no \`tern $command\`"; return; }
    # The command's own help and the options that several share.
    text=$(awk -v name="help_$command[]" 'index($0, name) || /^#define HELP_/ { on = 1 } on { print } /^$/ { on = 0 }' "${helps[@]}")
    for word; do
        case $word in
        '|' | '>' | '<' | '#'*) return ;;
        --help) ;;
        -[a-z-]*)
            word=${word%%[=\"]*}
            grep -qE -- "(^|[ ,\"(])${word}([ ,|.)]|$)" <<<"$text" || fail "$file: tern $command has no $word" ;;
        esac
    done
}
for file in "${documents[@]}"; do
    while read -r first rest; do
        # Quoted arguments hold words of others: ARGS="-s 16" is make's, a text is the user's.
        rest=$(sed -E 's/"[^"]*"//g' <<<"$rest")
        # shellcheck disable=SC2086
        set -f
        case $first in
        make) check_make "$file" $rest ;;
        tern) [ -z "$rest" ] || check_tern "$file" $rest ;;
        --[a-z]*) has "(^|[ \"(])${first%%[=:]*}([ ,|.)=]|\$)" <(cat "${helps[@]}") || [ -n "$(grep -rhoE -- "${first%%[=:]*}\b" tools/peers tools/train tests Makefile | head -1)" ] ||
            fail "$file: no command has ${first%%[=:]*}" ;;
        esac
        set +f
    done < <(code "$file")
    while read -r link; do
        case $link in http*) continue ;; '#'*) target=$file ;; *) target=$(dirname "$file")/${link%%#*} ;; esac
        [ -e "$target" ] || { fail "$file: links to $link, which is not there"; continue; }
        case $link in *'#'*)
            # GitHub's anchors: lower case, spaces as dashes, no other punctuation.
            grep '^#' "$target" | sed -e 's/^#* //' -e 's/[^A-Za-z0-9 -]//g' -e 's/ /-/g' | tr 'A-Z' 'a-z' |
                grep -qxF -- "${link#*#}" || fail "$file: links to $link, which is no heading" ;;
        esac
    done < <(grep -oE '\]\([^)]+\)' "$file" | sed -e 's/^](//' -e 's/)$//')
    # Files of the tree that are named with their folder.
    while read -r path; do
        case $path in *'*'* | *'<'* | *N* | build/* | *node_modules*) continue ;; esac
        [ -e "$path" ] || fail "$file: names $path, which is not there"
    done < <(code "$file" | grep -oE '^(runtime|models|simd|quant|tools|tests|toolchains|docs)/[A-Za-z0-9_./-]+' | sort -u)
done
[ $errors = 0 ] || { echo "$errors errors"; exit 1; }
echo "the documents name what is there"
