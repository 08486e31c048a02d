#!/bin/sh
# Trains a low-bit or sparse sibling of a sentiment classifier, and converts it. The models in models/ and the tables of
# docs/training.md were made by it. It needs the classifier (BertForSequenceClassification) and SST-2 in GLUE's form.
usage='usage: sentiment.sh RECIPE CLASSIFIER SST2_FOLDER OUT [SEED]   (makes OUT/RECIPE and OUT/RECIPE.tern)
recipes: int4 ternary binary small 1x4 4x4 16x4 16x4-90 16x4-int4'
set -eu
[ $# -ge 4 ] || { printf '%s\n' "$usage" >&2; exit 2; }
recipe=$1 from=$2 sst2=$3 out=$4 seed=${5:-1}
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

# train PROGRAM FROM NAME OPTIONS...: 32 texts of at most 64 tokens in a step
train() {
    program=$1 model=$2 name=$3
    shift 3
    [ -d "$out/$name" ] || "$python" "$here/$program.py" "$model" -o "$out/$name" --task classify \
        --data "$sst2/train.tsv" --dev "$sst2/dev.tsv" --max-tokens 64 $bf16 --seed "$seed" --resume "$@"
}

# convert NAME OPTIONS...
convert() {
    name=$1
    shift
    "$tern" convert "$out/$name" -o "$out/$name.tern" "$@"
}

# quantise FROM NAME WEIGHTS STEPS OPTIONS...
quantise() {
    model=$1 name=$2 weights=$3 steps=$4
    shift 4
    train qat "$model" "$name" --weights "$weights" --steps "$steps" --tern "$tern" "$@"
}

prune() { # NAME BLOCKS SPARSITY
    train prune "$from" "$1" --blocks "$2" --sparsity "$3" --steps 1500 --lr 4e-4 --ramp 0.5 --validate 500
}

case $recipe in
int4)
    quantise "$from" int4 int4 300 --embeddings int4 --lr 1e-4
    convert int4 ;;
ternary)
    quantise "$from" ternary ternary 1000 --embeddings int4 --intervene 0.2 --lr 4e-4
    convert ternary ;;
binary)
    quantise "$from" binary binary 1400 --embeddings int4 --intervene 0.2 --lr 4e-4
    convert binary ;;
small)
    train distil "$from" vocab --layers 4 --vocab 6400 --losses hidden=1,logits=1 --steps 600 --lr 2e-4
    quantise "$out/vocab" small int4 800 --embeddings int4 --lr 2e-4 --teacher "$from"
    convert small ;;
1x4 | 4x4 | 16x4)
    prune "$recipe" "$recipe" 0.8
    convert "$recipe" --sparse "$recipe" ;;
16x4-90)
    prune 16x4-90 16x4 0.9
    convert 16x4-90 --sparse 16x4 ;;
16x4-int4)
    prune 16x4 16x4 0.8
    quantise "$out/16x4" 16x4-int4 int4 300 --teacher "$from" --outliers off --lr 1e-4
    convert 16x4-int4 --sparse 16x4 ;;
*)
    printf "%s\n" "sentiment.sh: no recipe '$recipe'" "$usage" >&2
    exit 2 ;;
esac
