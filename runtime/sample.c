#include "runtime/sample.h"

#include "runtime/file.h"

#include <stdlib.h>
#include <string.h>

static size_t count_lines(const char *text, size_t size)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines + (size && text[size - 1] != '\n');
}

/* Line number i of `lines` is taken when i * texts / lines is a new number. */
static tern_status tokenize_lines(struct tern_sample *s, const char *text, size_t size, const tern_tokenizer *tokenizer,
                                  size_t texts, size_t tokens, tern_error *err)
{
    const size_t lines = count_lines(text, size);
    const char *line = text, *end = text + size;
    tern_status status = TERN_OK;
    texts = lines < texts ? lines : texts;
    for (size_t i = 0; i < lines && !status; i++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        /* 64 bits: the product of many lines wraps in 32, and would take more lines than there is room for. */
        if (i == 0 || (uint64_t)i * texts / lines != (uint64_t)(i - 1) * texts / lines) {
            size_t n;
            status = tern_tokenize(tokenizer, line, (size_t)(stop - line), NULL, 0, TERN_TRUNCATE_HEAD,
                                   s->ids + s->offsets[s->n], NULL, tokens, &n, err);
            if (!status) {
                s->offsets[s->n + 1] = s->offsets[s->n] + (int32_t)n;
                s->n++;
            }
        }
        line = stop + 1;
    }
    return status;
}

tern_status tern_sample_read(struct tern_sample *out, const char *path, const tern_tokenizer *tokenizer, int texts,
                             int tokens, tern_error *err)
{
    enum { MOST_BYTES = 1 << 28 };
    char *text = NULL;
    size_t size = 0;
    *out = (struct tern_sample){0};
    tern_status status = tern_read_text(&text, &size, path, MOST_BYTES, 0, err);
    if (!status && !size)
        status = tern_fail(err, TERN_USAGE, "%s: no text to calibrate on; give a text in each line", path);
    if (!status) {
        out->ids = malloc((size_t)texts * (size_t)tokens * sizeof *out->ids);
        out->offsets = calloc((size_t)texts + 1, sizeof *out->offsets);
        if (!out->ids || !out->offsets)
            status = tern_fail_nomem(err, "the calibration's texts", (size_t)texts * (size_t)tokens * sizeof *out->ids);
    }
    if (!status)
        status = tokenize_lines(out, text, size, tokenizer, (size_t)texts, (size_t)tokens, err);
    free(text);
    if (status)
        tern_sample_free(out);
    return status;
}

void tern_sample_free(struct tern_sample *s)
{
    free(s->ids);
    free(s->offsets);
    *s = (struct tern_sample){0};
}

tern_batch tern_sample_text(const struct tern_sample *s, int i, int32_t *offset)
{
    offset[0] = 0;
    offset[1] = s->offsets[i + 1] - s->offsets[i];
    const tern_batch batch = {s->ids + s->offsets[i], NULL, offset, 1};
    return batch;
}
