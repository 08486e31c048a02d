#!/bin/bash
# The tree is laid out as .clang-format says. Another version of clang-format lays out some lines otherwise, so that only
# the one of Debian 12 is asked.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(command -v clang-format-14 || command -v clang-format || true)
[ -n "$program" ] || { echo "clang-format-14 is not installed"; exit 77; }
case $("$program" --version) in
*"version 14."*) ;;
*) echo "$("$program" --version): not version 14"; exit 77 ;;
esac
errors=0
while read -r file; do
    "$program" "$file" | cmp -s - "$file" || { echo "$file: not laid out as $program does"; errors=$((errors + 1)); }
done < <(find runtime simd quant models tools tests -name '*.[ch]' ! -path '*/node_modules/*' | sort)
[ $errors = 0 ] && echo "laid out by version 14"
