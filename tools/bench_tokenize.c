/* Times tokenising one text, for `tern bench`. */
#include "tools/bench.h"

#include <stdlib.h>
#include <string.h>

int bench_time_tokenizer(struct bench_record *record, const tern_tokenizer *tokenizer)
{
    enum { RUNS = 15, LONGEST = 24 };
    const size_t words = record->seq > 2 ? (size_t)record->seq - 2 : 0, capacity = (size_t)record->seq + 2;
    char *text = malloc(words * (LONGEST + 1) + 1);
    int32_t *ids = malloc(capacity * sizeof *ids);
    uint64_t state = 1;
    size_t used = 0, n, found = 0;
    double times[RUNS];
    tern_error err;
    tern_status status = TERN_OK;
    if (!text || !ids) {
        free(text);
        free(ids);
        return cli_nomem(words * (LONGEST + 1) + capacity * sizeof *ids);
    }
    for (size_t tries = 0; found < words && tries < 1000 * words; tries++) {
        int32_t id = (int32_t)(cli_random(&state) % (uint64_t)tern_vocab_size(tokenizer));
        const char *piece = tern_token_text(tokenizer, id, &n);
        size_t letters = 0;
        while (letters < n && piece[letters] >= 'a' && piece[letters] <= 'z')
            letters++;
        if (!n || n > LONGEST || letters < n)
            continue;
        memcpy(text + used, piece, n);
        used += n;
        text[used++] = ' ';
        found++;
    }
    for (int i = 0; i < RUNS && !status && found == words && words; i++) {
        const tern_text all = {.text = text, .text_bytes = used};
        tern_tokens tokens = {.struct_bytes = sizeof tokens, .capacity = capacity, .ids = ids};
        double start = cli_now_ms();
        status = tern_tokenize(tokenizer, &all, TERN_TRUNCATE_HEAD, &tokens, &err);
        times[i] = cli_now_ms() - start;
    }
    if (!status && found == words && words) {
        qsort(times, RUNS, sizeof *times, bench_ascending);
        record->tokenize_ms = times[RUNS / 2];
    }
    free(text);
    free(ids);
    return status ? cli_status(&err) : CLI_OK;
}
