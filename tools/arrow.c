/* Writes Arrow's IPC files by hand: messages of FlatBuffers, whose tables are few (format/Schema.fbs, Message.fbs and
   File.fbs of Apache Arrow), and the columns' bytes as they lie in memory. */
#include "tools/arrow.h"

#include <stdlib.h>
#include <string.h>

/* ---- FlatBuffers: built from the end to the beginning, so that what is pointed at is there already ----------------
 */

/* The bytes lie at the end of `bytes`; places are counted from that end. */
struct flat {
    uint8_t *bytes;
    size_t room, n;
    size_t slot[8]; /* of the table that is being built: where its fields are, 0: nowhere */
    size_t start;
    int failed;
};

/* Room for n bytes in front, zeros before those where `more` bytes behind them are to be aligned to `align`. */
static uint8_t *in_front(struct flat *f, size_t n, size_t align, size_t more)
{
    const size_t pad = (align - (f->n + n + more) % align) % align, needed = f->n + n + pad;
    if (needed > f->room) {
        const size_t room = 2 * needed + 512;
        uint8_t *const grown = malloc(room);
        if (!grown) {
            f->failed = 1;
            return NULL;
        }
        if (f->n)
            memcpy(grown + room - f->n, f->bytes + f->room - f->n, f->n);
        free(f->bytes);
        f->bytes = grown;
        f->room = room;
    }
    if (pad + n)
        memset(f->bytes + f->room - needed, 0, pad + n);
    /* The padding lies between what is new and what was there. */
    f->n = needed;
    return f->bytes + f->room - needed;
}

/* A number of 1, 2, 4 or 8 bytes; returns its place. All CPUs that Tern is built for are little-endian. */
static size_t put(struct flat *f, int64_t value, size_t bytes)
{
    uint8_t *const at = in_front(f, bytes, bytes, 0);
    if (at)
        memcpy(at, &value, bytes);
    return f->n;
}

/* An offset to a place, counted from where the offset itself lies. */
static size_t put_offset(struct flat *f, size_t to)
{
    uint8_t *const at = in_front(f, 4, 4, 0);
    const uint32_t distance = (uint32_t)(f->n - to);
    if (at)
        memcpy(at, &distance, sizeof distance);
    return f->n;
}

static size_t put_string(struct flat *f, const char *text)
{
    const size_t n = strlen(text);
    uint8_t *const at = in_front(f, n + 1, 4, 0); /* so that its length in front is aligned */
    if (at)
        memcpy(at, text, n);
    return put(f, (int64_t)n, 4);
}

/* A vector of n structs of `size` bytes, aligned to 8. */
static size_t put_structs(struct flat *f, const void *structs, size_t n, size_t size)
{
    uint8_t *const at = in_front(f, n * size, 8, 0);
    if (at && n)
        memcpy(at, structs, n * size);
    return put(f, (int64_t)n, 4);
}

static size_t put_offsets(struct flat *f, const size_t *to, size_t n)
{
    in_front(f, 0, 4, 0);
    for (size_t i = n; i-- > 0;)
        put_offset(f, to[i]);
    return put(f, (int64_t)n, 4);
}

static void begin_table(struct flat *f)
{
    memset(f->slot, 0, sizeof f->slot);
    f->start = f->n;
}

static void field(struct flat *f, int id, int64_t value, size_t bytes)
{
    f->slot[id] = put(f, value, bytes);
}

static void field_offset(struct flat *f, int id, size_t to)
{
    f->slot[id] = put_offset(f, to);
}

/* The table's head, an offset to its list of fields, which lies right in front of it. */
static size_t end_table(struct flat *f, int n_fields)
{
    const size_t table = put(f, 0, 4);
    for (int i = n_fields; i-- > 0;)
        put(f, f->slot[i] ? (int64_t)(table - f->slot[i]) : 0, 2);
    put(f, (int64_t)(table - f->start), 2);
    put(f, 4 + 2 * n_fields, 2);
    const int32_t back = (int32_t)(f->n - table);
    if (!f->failed)
        memcpy(f->bytes + f->room - table, &back, sizeof back);
    return table;
}

/* The root in front of all, whose length becomes a multiple of 8. */
static void end_root(struct flat *f, size_t root)
{
    in_front(f, 0, 8, 4);
    put_offset(f, root);
}

/* ---- Arrow's tables ---------------------------------------------------------------------------------------------- */

enum {
    VERSION_5 = 4,
    HEADER_SCHEMA = 1,
    HEADER_BATCH = 3,
    TYPE_INT = 2,
    TYPE_FLOAT = 3,
    TYPE_UTF8 = 5,
    TYPE_LIST = 16
};

struct node {
    int64_t length, nulls;
};
struct buffer {
    int64_t offset, length;
};
struct arrow_block {
    int64_t offset;
    int32_t head, zero;
    int64_t body;
};

static size_t number_type(struct flat *f, enum arrow_type type, int *kind)
{
    const int is_float = type == ARROW_FLOAT || type == ARROW_HALF;
    *kind = is_float ? TYPE_FLOAT : TYPE_INT;
    begin_table(f);
    if (is_float) {
        field(f, 0, type == ARROW_FLOAT, 2); /* precision: 0 half, 1 single */
        return end_table(f, 1);
    }
    field(f, 0, 8, 4); /* bitWidth, is_signed */
    field(f, 1, type == ARROW_INT8, 1);
    return end_table(f, 2);
}

/* Field: name, nullable, type_type, type, dictionary, children. */
static size_t put_field(struct flat *f, const char *name, int nullable, int kind, size_t type, const size_t *child)
{
    const size_t children = put_offsets(f, child, child != NULL), text = put_string(f, name);
    begin_table(f);
    field_offset(f, 0, text);
    field_offset(f, 3, type);
    field_offset(f, 5, children);
    field(f, 1, nullable, 1);
    field(f, 2, kind, 1);
    return end_table(f, 6);
}

static size_t put_schema(struct flat *f, const struct arrow *a)
{
    int kind;
    size_t type = number_type(f, a->type, &kind), fields[2];
    const size_t item = put_field(f, "item", 0, kind, type, NULL);
    begin_table(f);
    field(f, 0, (int64_t)a->numbers, 4); /* FixedSizeList: listSize */
    type = end_table(f, 1);
    fields[1] = put_field(f, "embedding", 1, TYPE_LIST, type, &item);
    begin_table(f); /* Utf8 has no fields */
    type = end_table(f, 0);
    fields[0] = put_field(f, "text", 1, TYPE_UTF8, type, NULL);
    const size_t list = put_offsets(f, fields, 2);
    begin_table(f); /* Schema: endianness, fields */
    field_offset(f, 1, list);
    return end_table(f, 2);
}

/* Message: version, header_type, header, bodyLength. */
static void end_message(struct flat *f, int kind, size_t header, int64_t body)
{
    begin_table(f);
    field(f, 3, body, 8);
    field_offset(f, 2, header);
    field(f, 0, VERSION_5, 2);
    field(f, 1, kind, 1);
    end_root(f, end_table(f, 4));
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */

static void write_bytes(struct arrow *a, const void *bytes, size_t n)
{
    if (n)
        fwrite(bytes, 1, n, a->out);
    a->at += (int64_t)n;
}

static void pad(struct arrow *a, size_t align)
{
    static const uint8_t zeros[8];
    write_bytes(a, zeros, (align - (size_t)a->at % align) % align);
}

/* The message's head: a mark, its length, and it. */
static int write_head(struct arrow *a, struct flat *f, int32_t *bytes)
{
    const uint32_t start[2] = {0xffffffff, (uint32_t)f->n};
    const int failed = f->failed;
    *bytes = (int32_t)f->n + 8;
    if (!failed) {
        write_bytes(a, start, sizeof start);
        write_bytes(a, f->bytes + f->room - f->n, f->n);
    }
    free(f->bytes);
    return failed ? -1 : 0;
}

int arrow_begin(struct arrow *a)
{
    struct flat f = {0};
    int32_t bytes;
    write_bytes(a, "ARROW1\0", 8);
    end_message(&f, HEADER_SCHEMA, put_schema(&f, a), 0);
    return write_head(a, &f, &bytes);
}

static size_t row_bytes(const struct arrow *a)
{
    return a->numbers * (a->type == ARROW_FLOAT ? 4 : a->type == ARROW_HALF ? 2 : 1);
}

static int64_t round8(size_t n)
{
    return (int64_t)((n + 7) & ~(size_t)7);
}

static int add_block(struct arrow *a, struct arrow_block block)
{
    if (a->n_blocks == a->blocks_room) {
        const size_t room = 2 * a->blocks_room + 16;
        struct arrow_block *const grown = realloc(a->blocks, room * sizeof *grown);
        if (!grown)
            return -1;
        a->blocks = grown;
        a->blocks_room = room;
    }
    a->blocks[a->n_blocks++] = block;
    return 0;
}

/* The rows that wait, as a record batch. */
static int flush(struct arrow *a)
{
    const size_t rows = a->rows, bits = (rows + 7) / 8, text = (size_t)a->offsets[rows], numbers = rows * row_bytes(a);
    /* Validity, offsets and bytes of texts; validity of vectors; validity of numbers, which none has, and these. */
    const struct {
        const void *bytes;
        size_t n;
    } parts[6] = {{a->valid, bits}, {a->offsets, 4 * (rows + 1)}, {a->text, text}, {a->valid, bits},
                  {NULL, 0},        {a->vectors, numbers}};
    struct buffer buffers[6];
    const struct node nodes[3] = {
        {(int64_t)rows, (int64_t)a->n_null}, {(int64_t)rows, (int64_t)a->n_null}, {(int64_t)(rows * a->numbers), 0}};
    struct arrow_block block = {.offset = a->at};
    struct flat f = {0};
    if (!rows)
        return 0;
    for (int i = 0; i < 6; i++) {
        buffers[i] = (struct buffer){block.body, (int64_t)parts[i].n};
        block.body += round8(parts[i].n);
    }
    const size_t of_buffers = put_structs(&f, buffers, 6, sizeof *buffers),
                 of_nodes = put_structs(&f, nodes, 3, sizeof *nodes);
    begin_table(&f); /* RecordBatch: length, nodes, buffers */
    field(&f, 0, (int64_t)rows, 8);
    field_offset(&f, 1, of_nodes);
    field_offset(&f, 2, of_buffers);
    end_message(&f, HEADER_BATCH, end_table(&f, 3), block.body);
    int failed = write_head(a, &f, &block.head);
    for (int i = 0; i < 6 && !failed; i++) {
        write_bytes(a, parts[i].bytes, parts[i].n);
        pad(a, 8);
    }
    failed = failed || add_block(a, block);
    a->rows = a->n_null = 0;
    memset(a->valid, 0, sizeof a->valid);
    return failed ? -1 : 0;
}

static void *grow(void *bytes, size_t *room, size_t needed)
{
    if (needed <= *room && bytes)
        return bytes;
    const size_t more = 2 * needed + 4096;
    void *const grown = realloc(bytes, more);
    *room = grown ? more : *room;
    return grown;
}

int arrow_row(struct arrow *a, const char *text, size_t bytes, const void *vector)
{
    const size_t used = (size_t)a->offsets[a->rows], row = row_bytes(a);
    if (a->rows && (a->rows == ARROW_ROWS || used + bytes > ARROW_BATCH_BYTES || a->rows * row > ARROW_BATCH_BYTES)) {
        if (flush(a))
            return -1;
        return arrow_row(a, text, bytes, vector);
    }
    char *const texts = bytes > INT32_MAX - used ? NULL : grow(a->text, &a->room, used + bytes);
    a->text = texts ? texts : a->text;
    uint8_t *const vectors = grow(a->vectors, &a->vectors_room, (a->rows + 1) * row);
    a->vectors = vectors ? vectors : a->vectors;
    if (!texts || !vectors)
        return -1;
    if (text && bytes)
        memcpy(texts + used, text, bytes);
    if (vector)
        memcpy(vectors + a->rows * row, vector, row);
    else
        memset(vectors + a->rows * row, 0, row);
    a->valid[a->rows / 8] |= (uint8_t)((text != NULL) << a->rows % 8);
    a->n_null += text == NULL;
    a->offsets[++a->rows] = (int32_t)(used + (text ? bytes : 0));
    return 0;
}

/* The end of the stream; the footer: version, schema, dictionaries, record batches; its length, and the mark. */
int arrow_end(struct arrow *a)
{
    static const uint32_t end[2] = {0xffffffff, 0};
    struct flat f = {0};
    if (flush(a))
        return -1;
    write_bytes(a, end, sizeof end);
    const size_t blocks = put_structs(&f, a->blocks, a->n_blocks, sizeof *a->blocks),
                 none = put_structs(&f, NULL, 0, sizeof *a->blocks), schema = put_schema(&f, a);
    begin_table(&f);
    field_offset(&f, 1, schema);
    field_offset(&f, 2, none);
    field_offset(&f, 3, blocks);
    field(&f, 0, VERSION_5, 2);
    end_root(&f, end_table(&f, 4));
    if (f.failed) {
        free(f.bytes);
        return -1;
    }
    write_bytes(a, f.bytes + f.room - f.n, f.n);
    const uint32_t bytes = (uint32_t)f.n;
    write_bytes(a, &bytes, sizeof bytes);
    write_bytes(a, "ARROW1", 6);
    free(f.bytes);
    return 0;
}

void arrow_free(struct arrow *a)
{
    free(a->text);
    free(a->vectors);
    free(a->blocks);
}
