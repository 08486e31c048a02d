/* Byte-pair encoding: the pieces of a word's characters are merged, the pair of the least rank first, the leftmost of
   equals. */
#include "models/pipeline.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT = 40 }; /* symbols of a word that are searched for the least rank; more are kept in a heap */

struct symbol {
    uint32_t id, bytes; /* bytes 0: it was merged into one before it */
    int32_t before, after;
};

struct candidate {
    uint32_t rank, at;
    int32_t id;
};

/* What n symbols need at most: a candidate for each pair, and two more for each merge. */
static size_t memory_of(size_t n)
{
    return n > SIZE_MAX / 128 ? SIZE_MAX : n * sizeof(struct symbol) + 3 * n * sizeof(struct candidate);
}

/* ---- A word's characters ---- */

struct symbols {
    struct symbol *all;
    size_t n;
};

static void add(struct symbols *s, int32_t id, size_t bytes)
{
    s->all[s->n++] = (struct symbol){.id = (uint32_t)id, .bytes = (uint32_t)bytes};
}

static int add_bytes(const struct tern_subwords *model, struct symbols *s, const uint8_t *bytes, size_t n)
{
    if (!model->byte_fallback)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (model->byte_of[bytes[i]] < 0)
            return 0;
    for (size_t i = 0; i < n; i++)
        add(s, model->byte_of[bytes[i]], 1);
    return 1;
}

/* An unknown character waits for its neighbours, also while the bytes of others are put, as in the original. One that
   has no unknown token to become is dropped. */
static size_t begin(const struct tern_subwords *model, const uint8_t *word, size_t n, struct symbol *symbols)
{
    struct symbols s = {symbols, 0};
    size_t unknown = 0, next;

    for (size_t at = 0; at < n; at = next) {
        next = at + 1;
        while (!model->bytes && next < n && (word[next] & 0xC0) == 0x80)
            next++;
        const int32_t id = tern_table_find(model->table, word + at, next - at);
        if (id < 0) {
            if (add_bytes(model, &s, word + at, next - at) || model->unknown < 0)
                continue;
            if (unknown && !model->fuse_unknown) {
                add(&s, model->unknown, unknown);
                unknown = 0;
            }
            unknown += next - at;
            continue;
        }
        if (unknown)
            add(&s, model->unknown, unknown);
        unknown = 0;
        add(&s, id, next - at);
    }
    if (unknown)
        add(&s, model->unknown, unknown);
    return s.n;
}

/* ---- Short words ---- */

static void look(const struct tern_subwords *model, const struct symbol *s, const struct tern_merge **merge)
{
    *merge = tern_table_merge(model->table, s[0].id, s[1].id);
}

static size_t merge_short(const struct tern_subwords *model, struct symbol *s, size_t n)
{
    const struct tern_merge *merges[SHORT]; /* of symbol i with the next one */

    for (size_t i = 0; i + 1 < n; i++)
        look(model, s + i, &merges[i]);
    while (n > 1) {
        size_t best = n;
        for (size_t i = 0; i + 1 < n; i++)
            if (merges[i] && (best == n || merges[i]->rank < merges[best]->rank))
                best = i;
        if (best == n)
            break;
        s[best].id = (uint32_t)merges[best]->id;
        s[best].bytes += s[best + 1].bytes;
        memmove(s + best + 1, s + best + 2, (n - best - 2) * sizeof *s);
        if (best + 2 < n)
            memmove(merges + best + 1, merges + best + 2, (n - best - 2) * sizeof(const struct tern_merge *));
        n--;
        if (best + 1 < n)
            look(model, s + best, &merges[best]);
        if (best > 0)
            look(model, s + best - 1, &merges[best - 1]);
    }
    return n;
}

/* ---- Long ones ---- */

struct heap {
    struct candidate *all;
    size_t n;
};

static int before(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(struct heap *h, struct candidate c)
{
    size_t i = h->n++;

    for (; i > 0 && before(&c, &h->all[(i - 1) / 2]); i = (i - 1) / 2)
        h->all[i] = h->all[(i - 1) / 2];
    h->all[i] = c;
}

static struct candidate pop(struct heap *h)
{
    const struct candidate top = h->all[0], last = h->all[--h->n];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && before(&h->all[child + 1], &h->all[child]))
            child++;
        if (!before(&h->all[child], &last))
            break;
        h->all[i] = h->all[child];
        i = child;
    }
    h->all[i] = last;
    return top;
}

static void consider(const struct tern_subwords *model, const struct symbol *s, struct heap *h, int32_t at)
{
    if (at < 0 || s[at].after < 0)
        return;
    const struct tern_merge *merge = tern_table_merge(model->table, s[at].id, s[s[at].after].id);
    if (merge)
        push(h, (struct candidate){merge->rank, (uint32_t)at, merge->id});
}

static size_t merge_long(const struct tern_subwords *model, struct symbol *s, size_t n)
{
    struct heap h = {(struct candidate *)(void *)(s + n), 0};
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        s[i].before = (int32_t)i - 1;
        s[i].after = i + 1 < n ? (int32_t)i + 1 : -1;
    }
    for (size_t i = 0; i + 1 < n; i++)
        consider(model, s, &h, (int32_t)i);
    while (h.n > 0) {
        const struct candidate top = pop(&h);
        struct symbol *a = &s[top.at];
        if (a->bytes == 0 || a->after < 0)
            continue;
        struct symbol *b = &s[a->after];
        const struct tern_merge *merge = tern_table_merge(model->table, a->id, b->id);
        if (merge == NULL || merge->id != top.id)
            continue; /* one of the two has become another since */
        a->id = (uint32_t)top.id;
        a->bytes += b->bytes;
        a->after = b->after;
        b->bytes = 0;
        if (a->after >= 0)
            s[a->after].before = (int32_t)top.at;
        consider(model, s, &h, a->before);
        consider(model, s, &h, (int32_t)top.at);
    }
    for (size_t i = 0; i < n; i++)
        if (s[i].bytes)
            s[left++] = s[i];
    return left;
}

static size_t merge_word(const struct tern_subwords *model, const uint8_t *word, size_t n, struct symbol *symbols)
{
    const size_t chars = begin(model, word, n, symbols);

    return chars <= SHORT ? merge_short(model, symbols, chars) : merge_long(model, symbols, chars);
}

/* Where characters were dropped, what is behind them is said to be made of what stands where it would be without them,
   as in the original; of bytes in their spelling as characters, of which most have two bytes. */
static void put_closed_up(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word,
                          const struct symbol *symbols, size_t n)
{
    const struct tern_token_table *table = model->table;
    size_t at = 0, from = 0, spelt = 0; /* spelt: bytes of the spelling of word->bytes[0 .. from) */

    for (size_t i = 0; i < n; i++) {
        const uint32_t id = symbols[i].id;
        size_t to, end = at + (model->bytes ? table->offsets[id + 1] - table->offsets[id] : symbols[i].bytes);
        for (; from < word->n; from++) {
            const uint8_t b = word->bytes[from];
            const size_t width = model->bytes && (b < '!' || b > '~') ? 2 : 1;
            if (spelt + width > at)
                break;
            spelt += width;
        }
        from = from < word->n ? from : word->n - 1; /* only if a file lies */
        to = from;
        for (size_t length = spelt; to < word->n && length < end; to++)
            length += model->bytes && (word->bytes[to] < '!' || word->bytes[to] > '~') ? 2 : 1;
        tern_run_put(run, (int32_t)id, word, from, to > from ? to : from + 1);
        at = end;
    }
}

void tern_split_bpe(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word)
{
    const struct tern_token_table *table = model->table;
    const int32_t whole = tern_table_find(table, word->bytes, word->n);

    if (whole >= 0 && (model->ignore_merges || table->whole[whole])) {
        tern_run_put(run, whole, word, 0, word->n);
        return;
    }
    struct symbol *symbols = tern_run_scratch(run, memory_of(word->n));
    if (symbols == NULL)
        return;
    const size_t n = merge_word(model, word->bytes, word->n, symbols);
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += symbols[i].bytes;
    if (bytes != word->n) {
        put_closed_up(model, run, word, symbols, n);
        return;
    }
    for (size_t i = 0, at = 0; i < n; at += symbols[i++].bytes)
        tern_run_put(run, (int32_t)symbols[i].id, word, at, at + symbols[i].bytes);
}

tern_status tern_bpe_mark_whole(const struct tern_subwords *model, const struct tern_table_piece *pieces,
                                uint8_t *whole, tern_error *err)
{
    size_t longest = 0;

    for (uint32_t id = 0; id < model->table->model_count; id++)
        longest = pieces[id].key_n > longest ? pieces[id].key_n : longest;
    struct symbol *symbols = longest < PTRDIFF_MAX / 256 ? malloc(memory_of(longest + 1)) : NULL;
    if (symbols == NULL)
        return tern_fail_nomem(err, "the vocabulary's merges", memory_of(longest + 1));
    for (uint32_t id = 0; id < model->table->model_count; id++) {
        const size_t n = pieces[id].key_n;
        whole[id] =
            n && merge_word(model, pieces[id].key, n, symbols) == 1 && symbols[0].id == id && symbols[0].bytes == n;
    }
    free(symbols);
    return TERN_OK;
}
