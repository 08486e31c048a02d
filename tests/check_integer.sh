#!/bin/bash
# usage: check_integer.sh <build folder> [tool prefix]
# The int8 run path computes in integers: no floating-point arithmetic, comparison or conversion in the objects of the
# folders that run a model, apart from the f32 path and the lines of the functions named below. Moves and bit operations
# on vector registers are no arithmetic.
set -euo pipefail
cd "$(dirname "$0")/.."
dir=$1 prefix=${2:-}

run_path=(models runtime simd)
# The f32 path, and what reads the user's floats behind a run: which of several answers is the best.
other='_f32|runtime/(fill|find|late|rerank|sparse|tag|zero_shot)\.o$'
# What may use floating point in them, by its source lines (the compiler may inline it): the function that turns final
# integers into the user's floats, the one that turns these into probabilities, those that read a number from a text or a
# file, the sums of a tokenizer's scores, the ends of a search (the user's vectors in, scores out), the order of scores, and
# the check of weights that queries are looked up in.
allowed=''
for place in runtime/session.c:to_floats runtime/session.c:lower_questions runtime/texts.c:tern_probabilities runtime/base/decimal.c:tern_decimal \
    runtime/vectors.c:tern_vector_round runtime/vectors.c:tern_vector_scale runtime/vectors.c:tern_vector_cosine \
    runtime/best.c:tern_score_key runtime/model.c:find_query_weights models/json.c:take_number \
    models/json_get.c:tern_json_get_real models/config.c:tern_weights_bits models/config.c:tern_weights_find \
    models/blocks.c:tern_sparse_parse models/unigram.c:reach models/unigram.c:find_paths \
    models/tokenizer_tables.c:unknown_score models/tokenizer_json_pipeline.c:as_serde \
    models/tokenizer_json_pipeline.c:read_scores models/tokenizer_json_pipeline.c:is_zero \
    models/tokenizer_sentencepiece.c:read_piece models/tokenizer_sentencepiece.c:put_pieces; do
    file=${place%:*} function=${place#*:}
    lines=$(awk -v f="^[a-z].*[ *]$function[(]" '$0 ~ f && !/;/ && !from { from = NR }
        from && /^}/ { print from, NR; exit }' "$file")
    [ -n "$lines" ] || { echo "no $function in $file"; exit 1; }
    allowed+="$file $lines;"
done

machine=$("${prefix}objdump" -f "$dir/obj/runtime/base/status.o" | sed -n 's/^architecture: \([^,]*\),.*/\1/p')
case $machine in
i386:x86-64)
    float='add|sub|addsub|mul|div|sqrt|min|max|rcp(14)?|rsqrt(14)?|hadd|hsub|dp|round|rndscale|scalef|getexp|getmant'
    float="$float|cmp[a-z]*|u?comi|fn?m(add|sub|addsub|subadd)[0-9]*"
    float="^(v?($float)[sp][sdh]|v?cvt[a-z0-9]*|f[a-z0-9]+)\$"
    harmless='^(cmps[bwl]?|fs|fxsave|fxrstor)$' ;;
aarch64)
    float='^(f[a-z0-9]+|[su]cvtf|bf[dmc][a-z0-9]*)$'
    harmless='^(fmov|fcsel)$' ;;
arm*)
    float='^v[a-z0-9]+(\.[a-z0-9]+)*\.f(16|32|64)(\..*)?$'
    harmless='^v(mov|ldr|str|push|pop|ldm|stm)[a-z]*\.' ;;
*) echo "nothing to check for $machine"; exit 0 ;;
esac

errors=0 objects=0
for folder in "${run_path[@]}"; do
    before=$objects
    for object in $(find "$dir/obj/$folder" -name '*.o' | sort); do
        # The object of a source that is gone lies on in an old build folder.
        source=${object#"$dir/obj/"}
        [[ ! $object =~ $other ]] && [ -e "${source%.o}.c" ] || continue
        objects=$((objects + 1))
        lines=$("${prefix}objdump" -d -l --no-show-raw-insn "$object" | awk -F'\t' \
            -v float="$float" -v harmless="$harmless" \
            -v allowed="$allowed" '
            BEGIN { places = split(allowed, place, ";") }
            /^[0-9a-f]+ <.*>:$/ { f = $0; sub(/^[0-9a-f]+ </, "", f); sub(/>:$/, "", f); at = ""; next }
            /^[^ \t]*:[0-9]+( |$)/ { at = $1; sub(/ .*/, "", at); next }
            /^ *[0-9a-f]+:\t/ {
                split($2, w, /[ \t]+/); m = w[1]
                if (m ~ /^(lock|rep|repz|repnz|notrack|bnd|data16|cs|ds)$/) m = w[2]
                if (m !~ float || m ~ harmless) next
                line = at; sub(/.*:/, "", line); path = at; sub(/:[0-9]*$/, "", path)
                for (i = 1; i < places; i++) {
                    split(place[i], p, " ")
                    same = substr(path, length(path) - length(p[1]) + 1) == p[1]
                    if (same && line + 0 >= p[2] + 0 && line + 0 <= p[3] + 0) next
                }
                print f " (" at "): " $2 " " $3
            }')
        if [ -n "$lines" ]; then
            echo "$object computes in floating point:"
            head -20 <<<"$lines" | sed 's/^/    /'
            errors=$((errors + 1))
        fi
    done
    [ $objects -gt $before ] || { echo "no objects in $dir/obj/$folder"; errors=$((errors + 1)); }
done
echo "$machine: $objects objects of the int8 run path"
[ $errors = 0 ]
