/* Any bytes as a text that is split into passages. They lie in the text in its order, none is longer than the limit,
   and their lines are right; a refusal leaves none. */
/* COVERS: tools/search_split.c */

#include "tests/fuzz/files.h"
#include "tools/search_split.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t line_of(const char *text, size_t at)
{
    uint32_t line = 1;
    for (size_t i = 0; i < at; i++)
        line += text[i] == '\n';
    return line;
}

/* The first byte says how long passages may be. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct splitter s;
    struct passages p = {0};
    tern_tokenizer *tokenizer = NULL;
    tern_error err;
    if (!size)
        return 0;
    if (!s.tokenizer) {
        fuzz_check(!tern_tokenizer_open(&tokenizer, "tests/golden/tokenizer_vocab.txt", &err));
        s.tokenizer = tokenizer; /* until the process ends */
    }
    split_settings(&s, data[0] + 1, 2);
    const char *text = (const char *)data + 1;
    const tern_status status = split_text(&s, text, size - 1, &p, &err);
    fuzz_check(!status || status == TERN_INPUT);
    if (status)
        fuzz_check_error(&err, status);
    fuzz_check(!status || !p.n);
    for (size_t i = 0; i < p.n; i++) {
        const tern_passage *at = &p.at[i];
        fuzz_check(at->bytes && at->start + at->bytes <= size - 1 && at->line == line_of(text, (size_t)at->start));
        fuzz_check(!i || (at->start > at[-1].start && at->start + at->bytes > at[-1].start + at[-1].bytes));
    }
    free(p.at);
    return 0;
}
