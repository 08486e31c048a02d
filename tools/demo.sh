#!/bin/sh
# usage: tools/demo.sh [path of the tern program]      (make demo)
# Classifies a few sentences and embeds some with the models that ship, measures.
set -eu
cd "$(dirname "$0")/.."
tern=${1:-tern}
model=models/sentiment.tern embedder=models/embed-ternary.tern

show() {
    printf '\n$ tern'
    for word; do case $word in *" "*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac; done
    echo
    "$tern" "$@"
}

show info "$model" | sed '3,${/^$/,$d;}'
show classify "$model" "A warm, funny, engaging film." "The plot is thin and the jokes fall flat." \
    "An unforgettable performance by the whole cast." "Dull, predictable and far too long."
show embed "$embedder" --cosine "The acting is wonderful." "The actors are superb."
show embed "$embedder" --cosine "The acting is wonderful." "It rains in Bergen."
show bench "$model" -s 16,128 -t 1
