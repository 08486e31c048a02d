/* The forms in which `tern tag` shows entities: columns, JSON, marked and redacted texts. */
#include "tools/tag_print.h"
#include "models/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Columns ---- */

static void print_label(const char *label)
{
    cli_plain(stdout, label, strlen(label));
}

void tag_print_columns(const struct text *text, const struct tags *tags, int bytes)
{
    for (size_t i = 0; i < tags->n; i++) {
        const tern_entity *const e = &tags->list[i];
        cli_text(stdout, text->text + e->start, e->end - e->start);
        putchar('\t');
        print_label(e->label);
        printf("\t%.4f", e->score);
        if (bytes)
            printf("\t%zu-%zu", e->start, e->end);
        putchar('\n');
    }
    putchar('\n');
}

/* Without the spaces at its ends, which some tokenizers count among a word's bytes. */
static void trim(const struct text *text, size_t *start, size_t *end)
{
    while (*start < *end && text->text[*start] == ' ')
        ++*start;
    while (*end > *start && text->text[*end - 1] == ' ')
        --*end;
}

void tag_print_conll(const struct text *text, const struct tags *tags)
{
    for (size_t i = 0; i < tags->n; i++) {
        size_t start = tags->list[i].start, end = tags->list[i].end;
        trim(text, &start, &end);
        if (start == end)
            continue;
        cli_text(stdout, text->text + start, end - start);
        putchar(' ');
        print_label(tags->list[i].label);
        putchar('\n');
    }
    putchar('\n');
}

/* ---- The text itself, where an entity stands in another form ---- */

/* Calls plain(from, bytes) and entity(from, bytes, label) for the stretches of a text, in their order. What two
   entities share is the first one's. */
static void stretches(const struct text *text, const struct tags *tags, FILE *out,
                      void (*plain)(FILE *out, const char *from, size_t bytes),
                      void (*entity)(FILE *out, const char *from, size_t bytes, const char *label))
{
    size_t at = 0;
    for (size_t i = 0; i < tags->n; i++) {
        size_t start = tags->list[i].start, end = tags->list[i].end;
        trim(text, &start, &end);
        start = start < at ? at : start;
        if (start >= end)
            continue;
        plain(out, text->text + at, start - at);
        entity(out, text->text + start, end - start, tags->list[i].label);
        at = end;
    }
    plain(out, text->text + at, text->bytes - at);
}

/* The same colour for the same label, of the six that are neither black nor white. */
static void mark(FILE *out, const char *from, size_t bytes, const char *label)
{
    unsigned colour = 0;
    for (const char *c = label; *c; c++)
        colour = colour * 31 + (uint8_t)*c;
    fprintf(out, "\033[30;4%um", 1 + colour % 6);
    cli_text(out, from, bytes);
    fputs("\033[1m ", out);
    cli_plain(out, label, strlen(label));
    fputs("\033[0m", out);
}

void tag_print_marked(const struct text *text, const struct tags *tags)
{
    stretches(text, tags, stdout, cli_text, mark);
    putchar('\n');
}

static void keep(FILE *out, const char *from, size_t bytes)
{
    fwrite(from, 1, bytes, out);
}

static void hide(FILE *out, const char *from, size_t bytes, const char *label)
{
    (void)from;
    (void)bytes;
    putc('[', out);
    cli_plain(out, label, strlen(label));
    putc(']', out);
}

void tag_print_redacted(const struct text *text, const struct tags *tags)
{
    stretches(text, tags, stdout, isatty(STDOUT_FILENO) ? cli_text : keep, hide);
}

/* ---- JSON ---- */

void tag_json_tokens(const tern_model *model, const struct tags *tokens)
{
    const tern_tokenizer *const tokenizer = tern_model_tokenizer(model);
    fputs(",\"tokens\":[", stdout);
    for (size_t i = 0; i < tokens->n; i++) {
        const tern_entity *const e = &tokens->list[i];
        size_t bytes = 0;
        const char *const piece = tern_token_text(tokenizer, e->id, &bytes);
        fputs(i ? ",{\"token\":" : "{\"token\":", stdout);
        cli_json_string(stdout, piece, bytes);
        printf(",\"start\":%zu,\"end\":%zu,\"label\":", e->start, e->end);
        cli_json_text(stdout, e->label);
        fputs(",\"score\":", stdout);
        cli_json_number(stdout, e->score, 6);
        putchar('}');
    }
    putchar(']');
}

void tag_json_entities(const struct text *text, const struct tags *entities)
{
    size_t at = 0, at_char = 0;
    fputs(",\"entities\":[", stdout);
    for (size_t i = 0; i < entities->n; i++) {
        const tern_entity *const e = &entities->list[i];
        if (e->start < at)
            at = at_char = 0;
        at_char += tern_utf8_characters(text->text + at, e->start - at);
        at = e->start;
        fputs(i ? ",{\"entity\":" : "{\"entity\":", stdout);
        cli_json_text(stdout, e->label);
        fputs(",\"score\":", stdout);
        cli_json_number(stdout, e->score, 6);
        fputs(",\"word\":", stdout);
        cli_json_string(stdout, text->text + e->start, e->end - e->start);
        printf(",\"start\":%zu,\"end\":%zu,\"start_char\":%zu,\"end_char\":%zu}", e->start, e->end, at_char,
               at_char + tern_utf8_characters(text->text + e->start, e->end - e->start));
    }
    putchar(']');
}

int tag_json_redacted(const struct text *text, const struct tags *entities)
{
    char *bytes = NULL;
    size_t n = 0;
    FILE *const out = open_memstream(&bytes, &n);
    if (out)
        stretches(text, entities, out, keep, hide);
    if (!out || fclose(out)) {
        free(bytes);
        return cli_nomem(text->bytes);
    }
    fputs(",\"redacted\":", stdout);
    cli_json_string(stdout, bytes, n);
    free(bytes);
    return CLI_OK;
}

void tag_json_logits(const tern_answer *a)
{
    fputs(",\"logits\":[", stdout);
    for (size_t i = 0; i < a->n_tokens; i++) {
        fputs(i ? ",[" : "[", stdout);
        cli_json_floats(stdout, a->values + i * (size_t)a->count, (size_t)a->count);
        putchar(']');
    }
    putchar(']');
}
