# Read by scripts of the command line's tests in sh or bash, once they are in the project's root:
#
#   bin       the tern program, by the script's first argument or TERN_BUILD; without it the script ends as skipped
#   work      a folder that goes with the script
#   tern      runs the program, by the emulator in TERN_RUN if there is one
#   pass, fail, is, refused     count what holds; `finish` prints the counts and ends the script
# shellcheck shell=sh
set -u
bin=${1:-${TERN_BUILD:-build/x86_64-linux-gnu}/tern}
[ -x "$bin" ] || { echo "skipped: $bin is not built"; exit 77; }
case $bin in /*) ;; *) bin=$PWD/$bin ;; esac
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
unset TERN_ISA
XDG_CACHE_HOME=$work/cache
export XDG_CACHE_HOME

# shellcheck disable=SC2086 # TERN_RUN is a command with its options
tern() { ${TERN_RUN:-} "$bin" "$@"; }
pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAIL: $*"; }
# is WHAT GOT WANTED
is() { if [ "$2" = "$3" ]; then pass; else fail "$1: '$2', not '$3'"; fi; }
# refused CODE PATTERN ARGUMENTS...: that exit code, one line on stderr that matches, nothing on stdout. The variable
# `command` names the command, where a script has one.
refused() {
    want=$1 pattern=$2
    shift 2
    # shellcheck disable=SC2086 # no word where there is none
    tern ${command:-} "$@" >"$work/out" 2>"$work/err" </dev/null
    got=$?
    if [ $got != "$want" ]; then fail "${command:-} $*: exit $got, not $want: $(cat "$work/err")"
    elif [ "$(wc -l <"$work/err")" != 1 ]; then fail "${command:-} $*: $(wc -l <"$work/err") lines on stderr"
    elif ! grep '^tern: ' "$work/err" | grep -q -e "$pattern"; then fail "${command:-} $*: '$(cat "$work/err")' is not about '$pattern'"
    elif [ -s "$work/out" ]; then fail "${command:-} $*: refused, but printed something"
    else pass; fi
}
finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}
