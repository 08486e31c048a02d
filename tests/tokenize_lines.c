/* Prints the ids of every line of standard input: for comparing with other tokenizers, see tools/peers/tokenizer.
   A TAB separates a text from its pair; \\ \n \r \t \0 are escapes. Ids are separated by spaces; the types of a pair
   follow after " | ", and with --spans START,END,SOURCE of every token after another one. An input that is refused
   prints "error: " and the message. With --time nothing of this is printed, but the bytes of all texts and the seconds
   of the processor that they took. */
#include "runtime/base/tern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEFAULT_CAPACITY = 1 << 20 };

/* In place; returns the new length. */
static size_t unescape(char *text, size_t n)
{
    static const char from[] = "\\nrt0", to[] = "\\\n\r\t";
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        const char *escape = text[i] == '\\' && i + 1 < n && text[i + 1] ? strchr(from, text[i + 1]) : NULL;
        text[out++] = escape ? to[escape - from] : text[i];
        i += escape != NULL;
    }
    return out;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
    tern_truncate truncate = TERN_TRUNCATE_ERROR;
    tern_tokenizer *tokenizer = NULL;
    size_t capacity = DEFAULT_CAPACITY, size = 0;
    int32_t *ids, *types;
    tern_span *spans = NULL;
    char *line = NULL;
    ssize_t length;
    tern_error err;

    const int with_spans = argc > 1 && strcmp(argv[1], "--spans") == 0;
    const int timed = argc > 1 && strcmp(argv[1], "--time") == 0;
    double seconds = 0;
    size_t total = 0;
    argc -= with_spans + timed;
    argv += with_spans + timed;
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: tokenize_lines [--spans | --time] TOKENIZER [CAPACITY head|tail] < LINES\n");
        return 2;
    }
    if (argc == 4) {
        capacity = (size_t)strtoul(argv[2], NULL, 10);
        truncate = strcmp(argv[3], "tail") == 0 ? TERN_TRUNCATE_TAIL : TERN_TRUNCATE_HEAD;
    }
    if (tern_tokenizer_open(&tokenizer, argv[1], &err) != TERN_OK) {
        fprintf(stderr, "%s\n", err.message);
        return (int)err.code;
    }
    ids = calloc(capacity, sizeof *ids);
    types = calloc(capacity, sizeof *types);
    if (with_spans)
        spans = calloc(capacity, sizeof *spans);
    if (ids == NULL || types == NULL || (with_spans && spans == NULL))
        return TERN_NOMEM;
    while ((length = getline(&line, &size, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            length--;
        char *tab = memchr(line, '\t', (size_t)length), *pair = tab ? tab + 1 : NULL;
        size_t text_bytes = unescape(line, (size_t)(tab ? tab - line : length));
        size_t pair_bytes = pair ? unescape(pair, (size_t)(line + length - pair)) : 0;
        const tern_text text = {line, text_bytes, pair, pair_bytes};
        tern_tokens out = {
            .struct_bytes = sizeof out, .capacity = capacity, .ids = ids, .types = types, .spans = spans};
        const double start = now();
        const tern_status status = tern_tokenize(tokenizer, &text, truncate, &out, &err);
        seconds += now() - start;
        total += text_bytes + pair_bytes;
        if (timed)
            continue;
        if (status != TERN_OK) {
            printf("error: %s\n", err.message);
            continue;
        }
        for (size_t i = 0; i < out.count; i++)
            printf(i ? " %d" : "%d", (int)ids[i]);
        for (size_t i = 0; pair && i < out.count; i++)
            printf(i ? " %d" : " | %d", (int)types[i]);
        for (size_t i = 0; spans && i < out.count; i++)
            printf(i ? " %zu,%zu,%d" : " | %zu,%zu,%d", spans[i].start, spans[i].end, (int)spans[i].source);
        putchar('\n');
    }
    if (timed)
        printf("%zu %.6f\n", total, seconds);
    free(line);
    free(ids);
    free(types);
    free(spans);
    tern_tokenizer_close(tokenizer);
    return fflush(stdout) == 0 ? 0 : 1;
}
