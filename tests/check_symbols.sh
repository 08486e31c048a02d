#!/bin/bash
# usage: check_symbols.sh <build folder> [tool prefix]
# Names: every global of libtern.a starts with tern_, libtern.so exports what tern.h, tern_search.h and, with conversion,
# tern_convert.h declare with TERN_API and nothing else. Manners: the library does not print, exit or abort, keeps no mutable global, reads one environment variable.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 prefix=${2:-}
lib=$dir/libtern.a
errors=0
fail() { echo "$1"; sed 's/^/    /' <<<"$2"; errors=$((errors + 1)); }

globals=$("${prefix}nm" -g --defined-only "$lib" | awk 'NF == 3 { print $3 }')
[ -n "$globals" ] || { echo "no symbols in $lib"; exit 1; }
foreign=$(grep -v '^tern_' <<<"$globals" || true)
[ -z "$foreign" ] || fail "globals without tern_:" "$foreign"

twice=$(sort <<<"$globals" | uniq -d)
[ -z "$twice" ] || fail "defined twice:" "$twice"

headers=(runtime/base/tern.h runtime/base/tern_search.h)
[ ! -d "$dir/obj/quant" ] || headers+=(quant/tern_convert.h)
declared=$(sed 's|/\*.*\*/||' "${headers[@]}" | tr '\n' ' ' | grep -oE 'TERN_API [^;(]*\(' |
    grep -oE 'tern_[a-z0-9_]+\($' | tr -d '(' | sort)
if [ -e "$dir/libtern.so" ]; then
    exported=$("${prefix}nm" -D --defined-only "$dir/libtern.so" | awk '{ print $NF }' | sort)
    difference=$(diff <(echo "$declared") <(echo "$exported") || true)
    [ -z "$difference" ] || fail "${headers[*]} (<) and libtern.so (>) differ:" "$difference"
fi

undefined=$("${prefix}nm" -A -u "$lib" | sed 's/^[^:]*://' | awk '{ print $1, $NF }' | sed 's/@.*//')
rude='printf|vprintf|__printf_chk|puts|putchar|perror|stdout|stderr|err|errx|warn|warnx|syslog'
rude="$rude|exit|_exit|_Exit|quick_exit|abort|__assert_fail|setlocale|signal|system|rand|srand|strtok"
impolite=$(grep -E " ($rude)\$" <<<"$undefined" || true)
[ -z "$impolite" ] || fail "prints, ends or changes the process:" "$impolite"

readers=$(grep -E ' (secure_)?getenv$' <<<"$undefined" || true)
[ "$(grep -c . <<<"$readers")" -le 1 ] || fail "more than one object reads the environment:" "$readers"

# .data.rel.ro is constant once loaded; what has a size in .data, .bss or among the commons is not.
mutable=$("${prefix}objdump" -t "$lib" | awk '/file format/ { object = $1 }
    /[ \t](\.t?data|\.t?bss|\*COM\*|\.data\.[^r][^ \t]*|\.bss\.[^ \t]*)\t0*[1-9a-f]/ { print object, $NF }')
[ -z "$mutable" ] || fail "mutable globals:" "$mutable"

[ $errors = 0 ] && echo "$(wc -l <<<"$globals") globals, $(wc -l <<<"$declared") of them exported"
