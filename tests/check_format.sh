#!/bin/bash
# usage: tests/check_format.sh BUILD-FOLDER      (a job of tests/run.sh)
# Another reader, in NumPy, finds in converted files what docs/format.md says, for every form of weights. PYTHON names
# an interpreter that has NumPy; without one the test is skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
skip() { echo "$*"; exit 77; }
tern=${1:?}/tern
[ -x "$tern" ] || skip "$tern was not built"
python=
for candidate in ${PYTHON:-} python3 /usr/bin/python3; do
    if "$candidate" -c 'import numpy' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || skip "no Python with NumPy: install python3-numpy, or set PYTHON"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checkpoint=${CHECKPOINT:-../shared/models/sentiment-mini}
[ -d "$checkpoint" ] || checkpoint=
PYTHONDONTWRITEBYTECODE=1 "$python" tests/check_format.py "$tern" "$work" $checkpoint 2>"$work/errors" ||
    { tail -3 "$work/errors"; exit 1; }
# A reader that is wrong must not pass: with the nibbles the other way round the int4 weights are not found.
sed 's/\[line & 15, line >> 4\]/[line >> 4, line \& 15]/' tests/check_format.py >"$work/wrong.py"
sed -i "s|os.path.dirname(__file__), \"..\"|\"$PWD\"|" "$work/wrong.py"
if PYTHONDONTWRITEBYTECODE=1 "$python" "$work/wrong.py" "$tern" "$work" >/dev/null 2>"$work/errors"; then
    echo "a wrong reader passes"
    exit 1
fi
grep -q 'int4.tern: .* is wrong by' "$work/errors" || { tail -3 "$work/errors"; exit 1; }
