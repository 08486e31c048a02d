#!/bin/sh
# Trains a low-bit sentence embedder from all-MiniLM-L6-v2 (or another of its kind), and converts it. The embedders in
# models/ were made by it.
usage='usage: embedder.sh RECIPE TEACHER SENTENCES STS_DEV OUT [SEED]   (makes OUT/RECIPE and OUT/RECIPE.tern)
SENTENCES has a text in each line; STS_DEV is a file of the STS benchmark. Recipes: ternary int4'
set -eu
[ $# -ge 5 ] || { printf '%s\n' "$usage" >&2; exit 2; }
recipe=$1 teacher=$2 sentences=$3 dev=$4 out=$5 seed=${6:-1}
here=$(dirname "$0")
python=${PYTHON:-python3} tern=${TERN:-}
for built in "$here"/../../build/*/tern; do # one of a cross build does not run
    if [ -z "$tern" ] && "$built" --version >/dev/null 2>&1; then tern=$built; fi
done
[ -n "$tern" ] || { echo "no tern program is found that runs here: build it (make), or name it by TERN" >&2; exit 2; }
# PRODUCTS=f32: for CPUs without instructions for bf16, where it takes several times as long.
bf16=--bf16
[ "${PRODUCTS:-bf16}" = bf16 ] || bf16=''
mkdir -p "$out"

# train PROGRAM FROM NAME OPTIONS...
train() {
    program=$1 model=$2 name=$3
    shift 3
    [ -d "$out/$name" ] || "$python" "$here/$program.py" "$model" -o "$out/$name" --task embed --data "$sentences" \
        --dev "$dev" --max-tokens 64 --batch 64 $bf16 --seed "$seed" --resume "$@"
}

case $recipe in
ternary) # 19,000 of 30,522 pieces: those that the sentences have most often. Their rows stay as they are (0 steps).
    # What no text reads goes at the end: positions beyond 256, the second type, the pooler.
    train distil "$teacher" vocabulary --vocab 19000 --losses hidden=1 --steps 0
    train qat "$out/vocabulary" whole --teacher "$teacher" --weights ternary --embeddings int4 --tern "$tern" \
        --intervene 0.25 --losses embedding=10,hidden=1,outputs=1,maps=1 --steps 2600 --lr 4e-4
    [ -d "$out/ternary" ] || "$python" "$here/trim.py" "$out/whole" -o "$out/ternary" --positions 256
    set -- ;;
int4) # One-shot conversion by the second order needs no training here.
    ln -sfn "$(cd "$teacher" && pwd)" "$out/int4"
    set -- --weights int4 --embeddings int4 --calibrate builtin ;;
*)
    printf "%s\n" "embedder.sh: no recipe '$recipe'" "$usage" >&2
    exit 2 ;;
esac
"$tern" convert "$out/$recipe" -o "$out/$recipe.tern" "$@"
