/* Writes vectors as lines, JSON, bare numbers, for NumPy, Arrow and sqlite-vec; rounded, if that is asked for. */
#include "tools/embed_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const rows_format_names[N_ROWS_FORMATS] = {
    [ROWS_JSON] = "jsonl", [ROWS_RAW] = "f32", [ROWS_NPY] = "npy", [ROWS_ARROW] = "arrow", [ROWS_SQL] = "sqlite-vec",
};

int rows_are_binary(enum rows_format format)
{
    return format == ROWS_RAW || format == ROWS_NPY || format == ROWS_ARROW;
}

/* A text and its vector on the way to the file. */
struct row {
    const char *text, *pair;
    size_t bytes, pair_bytes, n_tokens;
    int truncated, refused;
    const float *values;
};

static int written(struct rows *r)
{
    return r->out == stdout ? cli_written() : output_written(&r->writer);
}

static size_t row_bytes(const struct rows *r)
{
    return precision_numbers(&r->rounding) * precision_bytes(r->rounding.kind);
}

/* ---- Numbers as text --------------------------------------------------------------------------------------------- */

static void print_number(const struct rows *r, const struct row *row, size_t i)
{
    const enum precision kind = r->rounding.kind;
    const int8_t *const bytes = r->row;
    uint16_t half;
    if (kind == PRECISION_F32) {
        fprintf(r->out, "%.9g", (double)row->values[i]);
    } else if (kind == PRECISION_F16) {
        memcpy(&half, bytes + 2 * i, sizeof half);
        fprintf(r->out, "%.5g", (double)precision_half(half));
    } else {
        fprintf(r->out, "%d", kind == PRECISION_INT8 || kind == PRECISION_BINARY ? bytes[i] : (int)(uint8_t)bytes[i]);
    }
}

static void write_line(struct rows *r, const struct row *row)
{
    for (size_t i = 0; i < precision_numbers(&r->rounding); i++) {
        fputs(i ? " " : "", r->out);
        print_number(r, row, i);
    }
    putc('\n', r->out);
}

static void write_json(struct rows *r, const struct row *row)
{
    fputs("{\"text\":", r->out);
    cli_json_string(r->out, row->text, row->bytes);
    if (row->pair) {
        fputs(",\"pair\":", r->out);
        cli_json_string(r->out, row->pair, row->pair_bytes);
    }
    fputs(",\"embedding\":[", r->out);
    if (r->rounding.kind == PRECISION_F32)
        cli_json_floats(r->out, row->values, (size_t)r->rounding.columns);
    for (size_t i = 0; r->rounding.kind != PRECISION_F32 && i < precision_numbers(&r->rounding); i++) {
        fputs(i ? "," : "", r->out);
        print_number(r, row, i);
    }
    fprintf(r->out, "],\"n_tokens\":%zu,\"truncated\":%s}\n", row->n_tokens, row->truncated ? "true" : "false");
}

/* ---- sqlite-vec -------------------------------------------------------------------------------------------------- */

/* As a literal of SQL, which has no way to write a NUL character. */
static void write_sql_text(FILE *out, const char *text, size_t n)
{
    if (n && memchr(text, 0, n)) {
        fputs("CAST(X'", out);
        for (size_t i = 0; i < n; i++)
            fprintf(out, "%02x", (unsigned)(uint8_t)text[i]);
        fputs("' AS TEXT)", out);
        return;
    }
    putc('\'', out);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\'')
            putc('\'', out);
        putc(text[i], out);
    }
    putc('\'', out);
}

/* sqlite-vec has the first of eight bits lowest: its vec_quantize_binary gives X'd4' for 0 0 1 0 1 0 1 1. */
static unsigned of_sqlite(const struct rows *r, uint8_t byte)
{
    unsigned turned = 0;
    if (r->rounding.kind != PRECISION_UBINARY)
        return byte;
    for (int i = 0; i < 8; i++)
        turned |= ((unsigned)byte >> i & 1u) << (7 - i);
    return turned;
}

static void write_sql(struct rows *r, const struct row *row)
{
    const uint8_t *const bytes = r->row;
    if (row->refused)
        return; /* its id is missing */
    fprintf(r->out, "INSERT INTO embeddings(id, text, embedding) VALUES(%zu,", r->n);
    write_sql_text(r->out, row->text, row->bytes);
    fputs(",X'", r->out);
    for (size_t i = 0; i < row_bytes(r); i++)
        fprintf(r->out, "%02x", of_sqlite(r, bytes[i]));
    fputs("');\n", r->out);
}

/* ---- NumPy ------------------------------------------------------------------------------------------------------- */

void rows_npy_header(const struct rows *r, char header[NPY_HEADER + 1])
{
    static const char *const types[N_PRECISIONS] = {"<f4", "<f2", "|i1", "|u1", "|i1", "|u1"};
    npy_header(header, types[r->rounding.kind], r->n, precision_numbers(&r->rounding));
}

int rows_write_npy_header(struct rows *r)
{
    char header[NPY_HEADER + 1];
    rows_npy_header(r, header);
    if (fseek(r->out, 0, SEEK_SET) == 0)
        fwrite(header, 1, NPY_HEADER, r->out);
    return written(r);
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static int write_row(struct rows *r, const struct row *row)
{
    int failed = 0;
    r->n++;
    rounding_apply(&r->rounding, row->refused ? NULL : row->values, r->row);
    switch (r->format) {
    case ROWS_LINES: write_line(r, row); break;
    case ROWS_JSON: write_json(r, row); break;
    case ROWS_RAW:
    case ROWS_NPY: fwrite(r->row, 1, row_bytes(r), r->out); break;
    case ROWS_ARROW: failed = arrow_row(&r->arrow, row->text, row->bytes, row->refused ? NULL : r->row); break;
    case ROWS_SQL: write_sql(r, row); break;
    case N_ROWS_FORMATS: break;
    }
    return failed ? cli_nomem(row->bytes + row_bytes(r)) : written(r);
}

int rows_begin(struct rows *r)
{
    static const enum arrow_type types[N_PRECISIONS] = {ARROW_FLOAT, ARROW_HALF, ARROW_INT8,
                                                        ARROW_UINT8, ARROW_INT8, ARROW_UINT8};
    r->row = malloc(row_bytes(r) + 1);
    if (!r->row)
        return cli_nomem(row_bytes(r));
    if (r->format == ROWS_NPY)
        return rows_write_npy_header(r);
    if (r->format == ROWS_ARROW) {
        r->arrow = (struct arrow){.out = r->out, .type = types[r->rounding.kind]};
        r->arrow.numbers = precision_numbers(&r->rounding);
        if (arrow_begin(&r->arrow))
            return cli_nomem(row_bytes(r));
    }
    if (r->format == ROWS_SQL)
        fputs("CREATE TABLE IF NOT EXISTS embeddings(id INTEGER PRIMARY KEY, text TEXT, embedding BLOB);\nBEGIN;\n",
              r->out);
    return written(r);
}

/* Whether the ranges are those of the vectors themselves. */
static int waits(const struct rows *r)
{
    return precision_has_ranges(r->rounding.kind) && (!r->rounding.least || r->rounding.seen);
}

/* A row, its values and its texts behind those that wait. */
static int keep(struct rows *r, const struct row *row)
{
    const size_t floats = row->refused ? 0 : (size_t)r->rounding.columns * sizeof(float);
    const size_t needed = sizeof *row + floats + row->bytes + row->pair_bytes;
    if (needed > r->kept_room - r->kept_bytes) {
        const size_t room = 2 * (r->kept_bytes + needed) + 4096;
        char *const grown = realloc(r->kept, room);
        if (!grown)
            return cli_nomem(room);
        r->kept = grown;
        r->kept_room = room;
    }
    char *at = r->kept + r->kept_bytes;
    r->kept_bytes += needed;
    memcpy(at, row, sizeof *row);
    if (floats)
        memcpy(at + sizeof *row, row->values, floats);
    at += sizeof *row + floats;
    if (row->bytes)
        memcpy(at, row->text, row->bytes);
    if (row->pair_bytes)
        memcpy(at + row->bytes, row->pair, row->pair_bytes);
    return row->refused ? CLI_OK : rounding_take(&r->rounding, row->values);
}

static int write_kept(struct rows *r)
{
    float *const values = malloc((size_t)r->rounding.columns * sizeof *values);
    int code = values ? CLI_OK : cli_nomem((size_t)r->rounding.columns * sizeof *values);
    for (size_t at = 0; at < r->kept_bytes && !code;) {
        struct row row;
        memcpy(&row, r->kept + at, sizeof row);
        const size_t floats = row.refused ? 0 : (size_t)r->rounding.columns * sizeof *values;
        if (floats)
            memcpy(values, r->kept + at + sizeof row, floats);
        at += sizeof row + floats;
        row.values = values;
        row.text = row.text ? r->kept + at : NULL;
        row.pair = row.pair ? r->kept + at + row.bytes : NULL;
        at += row.bytes + row.pair_bytes;
        code = write_row(r, &row);
    }
    free(values);
    return code;
}

int rows_print(void *context, const struct text *text, const tern_answer *a)
{
    struct rows *const r = context;
    const struct row row = {.text = text->text ? text->text : "",
                            .bytes = text->bytes,
                            .pair = text->pair,
                            .pair_bytes = text->pair_bytes,
                            .n_tokens = a->n_tokens,
                            .truncated = a->n_needed > a->n_tokens,
                            .values = a->values};
    return waits(r) ? keep(r, &row) : write_row(r, &row);
}

/* Row i stays that of text i. */
int rows_refused(void *context)
{
    struct rows *const r = context;
    const struct row row = {.refused = 1};
    if (r->format == ROWS_LINES || r->format == ROWS_JSON)
        return CLI_OK; /* the reason stands there */
    return waits(r) ? keep(r, &row) : write_row(r, &row);
}

int rows_end(struct rows *r)
{
    if (waits(r) && r->kept_bytes && r->rounding.seen < 2)
        return cli_fail(CLI_USAGE, "embed: the ranges of a single vector are none; give those of many texts with "
                                   "--ranges FILE, which --write-ranges FILE makes");
    int code = r->kept_bytes ? write_kept(r) : CLI_OK;
    if (!code && r->format == ROWS_NPY)
        code = rows_write_npy_header(r);
    if (!code && r->format == ROWS_ARROW && arrow_end(&r->arrow))
        code = cli_nomem(row_bytes(r));
    if (!code && r->format == ROWS_SQL)
        fputs("COMMIT;\n", r->out);
    return code ? code : written(r);
}

void rows_free(struct rows *r)
{
    output_discard(&r->writer);
    arrow_free(&r->arrow);
    rounding_free(&r->rounding);
    free(r->row);
    free(r->kept);
}
