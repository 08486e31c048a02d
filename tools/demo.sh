#!/bin/sh
# usage: tools/demo.sh [path of the tern program]      (make demo)
# Classifies a few sentences with the model that ships, embeds two texts, measures.
set -eu
cd "$(dirname "$0")/.."
tern=${1:-tern}
model=models/sentiment-mini.tern

show() {
    printf '\n$ tern'
    for word; do case $word in *" "*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac; done
    echo
    "$tern" "$@"
}

show info "$model" | sed '3,${/^$/,$d;}'
show classify "$model" "A warm, funny, engaging film." "The plot is thin and the jokes fall flat." \
    "An unforgettable performance by the whole cast." "Dull, predictable and far too long."
show embed "$model" --cosine "The acting is wonderful." "The actors are superb."
show embed "$model" --cosine "The acting is wonderful." "Nothing in it works."
show bench "$model" -s 16,128 -t 1
