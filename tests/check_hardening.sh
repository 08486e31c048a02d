#!/bin/bash
# usage: check_hardening.sh <build folder> [tool prefix]
# What was linked is hardened: no segment writable and executable, all relocations done before main and read-only, no
# text relocations, position-independent; stack protector and checked copies in the objects; on x86-64 and AArch64 every
# object is marked for CET or BTI and PAC. Libraries that are loaded are those that the README names: no other prints.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 prefix=${2:-}
errors=0
fail() { echo "$*"; errors=$((errors + 1)); }
has() { grep -qE "$1" <<<"$2" || fail "$3"; }
elf() { "${prefix}readelf" -W "$@" 2>/dev/null; }

machine=$(elf -h "$dir/obj/runtime/base/status.o" | sed -n 's/^ *Machine: *//p')
case $machine in
*X86-64*) marks='IBT, SHSTK' ;;
AArch64) marks='BTI, PAC' ;;
*) marks='' ;;
esac

[ -e "$dir/libtern.so" ] && [ -e "$dir/tern" ] || { echo "not built: $dir/libtern.so, $dir/tern"; exit 1; }
for file in "$dir/tern" "$dir/libtern.so"; do
    dynamic=$(elf -d "$file") segments=$(elf -l "$file")
    has 'Type: *DYN' "$(elf -h "$file")" "$file: not position-independent"
    has 'GNU_RELRO' "$segments" "$file: no RELRO"
    has 'BIND_NOW|Flags: NOW' "$dynamic" "$file: symbols are bound late, so that RELRO is partial"
    has 'GNU_STACK .* RW ' "$segments" "$file: an executable stack"
    ! grep -E '^ *LOAD .* RWE ' <<<"$segments" || fail "$file: a segment is writable and executable"
    ! grep TEXTREL <<<"$dynamic" || fail "$file: text relocations"
    ! grep -E 'RPATH|RUNPATH' <<<"$dynamic" || fail "$file: a path to libraries"
    # cpuinfo, which was linked once, printed "Error in cpuinfo" where /sys was missing.
    ! sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' <<<"$dynamic" |
        grep -vE '^(libjansson|libutf8proc|libxxhash|libm|libc|libgcc_s|ld-linux.*)\.so' ||
        fail "$file: loads a library that is not on the list"
done

undefined=$("${prefix}nm" -A -u "$dir/libtern.a" 2>/dev/null)
has ' __stack_chk_fail' "$undefined" "no object has a stack protector"
has ' __(memcpy|snprintf|vsnprintf)_chk' "$undefined" "no copy is checked: _FORTIFY_SOURCE is not in force"
if [ -n "$marks" ]; then
    count=0
    while read -r object; do
        elf -n "$object" | grep -q "feature: $marks" || fail "$object: not marked \"$marks\""
        count=$((count + 1))
    done < <(find "$dir/obj" -path "$dir/obj/tests" -prune -o -name '*.o' -print)
    [ $count -gt 0 ] || fail "no objects under $dir/obj"
    echo "$machine: $count objects marked $marks"
fi
[ $errors = 0 ]
