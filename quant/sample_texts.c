/* Reads and tokenises the texts of `--calibrate`, spread evenly over the user's file. */
#include "quant/sample_texts.h"

#include "models/unicode.h"
#include "quant/builtin_texts.h"
#include "runtime/base/file.h"

#include <stdlib.h>
#include <string.h>

/* The line from `at` on, whose end it returns: a newline, or `end`. */
static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline : end;
}

static int is_blank(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
        at++;
    return at == end;
}

/* Lines with a text. */
static size_t count_texts(const char *text, size_t size)
{
    const char *end = text + size;
    size_t texts = 0;
    for (const char *line = text, *stop; line < end; line = stop + 1) {
        stop = line_end(line, end);
        texts += !is_blank(line, stop);
    }
    return texts;
}

/* All of the file, not only the lines that are taken: whether it is refused does not depend on which those are. */
static tern_status check_utf8(const char *path, const char *text, size_t size, tern_error *err)
{
    const size_t bad = tern_utf8_check((const uint8_t *)text, size);
    size_t line = 1, first = 0;
    if (bad == size)
        return TERN_OK;
    for (size_t i = 0; i < bad; i++)
        if (text[i] == '\n') {
            line++;
            first = i + 1;
        }
    return tern_fail(err, TERN_INPUT, "%s:%zu: not UTF-8: invalid byte 0x%02X at byte offset %zu", path, line,
                     (unsigned)(uint8_t)text[bad], bad - first);
}

/* Text number i of `all` is taken when i * texts / all is a new number. */
static tern_status tokenize_lines(struct tern_sample *s, const char *text, size_t size, const tern_tokenizer *tokenizer,
                                  size_t texts, size_t tokens, tern_error *err)
{
    const size_t all = count_texts(text, size);
    const char *end = text + size;
    tern_status status = TERN_OK;
    size_t i = 0;
    texts = all < texts ? all : texts;
    for (const char *line = text, *stop; line < end && !status; line = stop + 1) {
        stop = line_end(line, end);
        if (is_blank(line, stop))
            continue;
        /* 64 bits: the product of many lines wraps in 32, and would take more lines than there is room for. */
        if (i == 0 || (uint64_t)i * texts / all != (uint64_t)(i - 1) * texts / all) {
            const tern_text sample = {.text = line, .text_bytes = (size_t)(stop - line)};
            tern_tokens out = {.struct_bytes = sizeof out, .capacity = tokens, .ids = s->ids + s->offsets[s->n]};
            status = tern_tokenize(tokenizer, &sample, TERN_TRUNCATE_HEAD, &out, err);
            if (!status) {
                s->offsets[s->n + 1] = s->offsets[s->n] + (int32_t)out.count;
                s->n++;
            }
        }
        i++;
    }
    return status;
}

static char *put_line(char *at, const char *line)
{
    const size_t length = strlen(line);
    memcpy(at, line, length);
    at[length] = '\n';
    return at + length + 1;
}

/* The built-in texts, a line each, and behind them `sentences` of the sentences. */
static tern_status join_builtin(char **text, size_t *size, int sentences, tern_error *err)
{
    size_t bytes = 0;
    for (int i = 0; i < TERN_BUILTIN_TEXTS; i++)
        bytes += strlen(tern_builtin_texts[i]) + 1;
    for (int i = 0; i < sentences; i++)
        bytes += strlen(tern_builtin_sentences[i]) + 1;
    char *at = *text = malloc(bytes);
    if (!at)
        return tern_fail_nomem(err, "the built-in texts", bytes);
    for (int i = 0; i < TERN_BUILTIN_TEXTS; i++)
        at = put_line(at, tern_builtin_texts[i]);
    for (int i = 0; i < sentences; i++)
        at = put_line(at, tern_builtin_sentences[i]);
    *size = bytes;
    return TERN_OK;
}

/* The file's bytes, which are UTF-8 and have a text. That it cannot be read is no fault of the checkpoint, and that it
   is too large none of a model file. */
static tern_status read_texts(char **text, size_t *size, const char *path, tern_error *err)
{
    enum { MOST_BYTES = 1 << 28 };
    tern_status status = tern_read_text(text, size, path, MOST_BYTES, 0, err);
    if (status == TERN_IO || status == TERN_FORMAT) {
        status = status == TERN_IO ? TERN_FAILED : TERN_INPUT;
        if (err)
            err->code = status;
    }
    if (!status)
        status = check_utf8(path, *text, *size, err);
    if (!status && *size >= 3 && !memcmp(*text, "\xef\xbb\xbf", 3)) { /* a byte order mark is no part of a text */
        *size -= 3;
        memmove(*text, *text + 3, *size);
    }
    if (!status && !count_texts(*text, *size))
        status = tern_fail(err, TERN_INPUT, "%s: no text to calibrate on; give a text in each line", path);
    return status;
}

tern_status tern_sample_read(struct tern_sample *out, const char *path, const tern_tokenizer *tokenizer, int texts,
                             int tokens, tern_error *err)
{
    char *text = NULL;
    size_t size = 0;
    *out = (struct tern_sample){0};
    const int calibrates = path && !strcmp(path, "builtin");
    tern_status status = !path || calibrates ? join_builtin(&text, &size, calibrates ? TERN_BUILTIN_SENTENCES : 0, err)
                                             : read_texts(&text, &size, path, err);
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
