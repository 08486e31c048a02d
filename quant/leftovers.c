/* Accounts for the tensors that no part of the model is made of, by the rows of quant/leftovers.def. */
#include "quant/leftovers.h"

#include "quant/convert.h"
#include "quant/tensor_numbers.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum rule { HARMLESS, IBERT, LONGFORMER, COUNT, ZEROS, HEAD, ADAPTER, POOLER, OTHER, REFUSED };
static const struct row {
    const char *pattern;
    enum rule rule;
    const char *what;
} rows[] = {
#define LEFTOVER(pattern, rule, what) {pattern, rule, what},
#include "quant/leftovers.def"
#undef LEFTOVER
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

/* Whether the numbers are 0, 1, 2 ... (step 1) or all 0 (step 0), as far as their type holds them: transformers leaves
   them aside and counts itself. */
static int counts_up(const struct tern_tensor *t, int step)
{
    const size_t n = t->bytes / tern_dtype_bytes(t->dtype);
    size_t i = 0;
    while (i < n && tern_tensor_number(t, i) == tern_rounded_to(t->dtype, (double)i * step))
        i++;
    return i == n;
}

/* What was left out, by row, and by the first part of the name where no row has it. */
struct dropped {
    size_t of_row[N_ROWS];
    const struct tern_purpose *purpose;
    const char *name; /* of the last tensor without a row */
    size_t length, n; /* of its first part; tensors that begin with it */
};

static void tell_unknown(struct dropped *d)
{
    if (d->n)
        tern_say(d->purpose->options, "dropped: %.*s.* (outside of the encoder): %zu tensor%s", (int)d->length, d->name,
                 d->n, d->n > 1 ? "s" : "");
    d->n = 0;
}

/* The names are sorted, so that those with the same first part come together. */
static void drop_unknown(struct dropped *d, const char *name)
{
    const size_t length = strcspn(name, ".");
    if (d->n && (length != d->length || strncmp(name, d->name, length)))
        tell_unknown(d);
    d->name = name;
    d->length = length;
    d->n++;
}

static void tell_rows(const struct dropped *d)
{
    for (int i = 0; i < N_ROWS; i++)
        if (d->of_row[i])
            tern_say(d->purpose->options, "dropped: %s (%s): %zu tensor%s", rows[i].pattern, rows[i].what, d->of_row[i],
                     d->of_row[i] > 1 ? "s" : "");
}

static int begins(const char *name, const char *with)
{
    return !strncmp(name, with, strlen(with));
}

/* Whether a name is one of the encoder's own. Saved alone, it has no prefix. */
static int in_encoder(const char *name, const char *encoder, const char *layers)
{
    if (*encoder)
        return begins(name, encoder);
    const size_t first = strcspn(layers, ".");
    return begins(name, "embeddings.") || !strncmp(name, layers, first + 1);
}

/* The first row that the name matches; a pooler's only if the family calls its own so. */
static const struct row *row_of(const char *name, const struct tern_checkpoint_family *family)
{
    const char *const stem = family->stem[TERN_PART_POOLER]; /* NULL: it has none */
    const char *const pooler = stem && *stem == '/' ? stem + 1 : stem;
    for (const struct row *r = rows; r < rows + N_ROWS; r++)
        if (!fnmatch(r->pattern, name, 0) && (r->rule != IBERT || !strcmp(family->class, "IBert")) &&
            (r->rule != LONGFORMER || family->globals) && (r->rule != ADAPTER || family->adapters) &&
            (r->rule != POOLER || (pooler && strstr(r->pattern, pooler))))
            return r;
    return NULL;
}

int tern_is_harmless(const char *name)
{
    for (const struct row *r = rows; r < rows + N_ROWS; r++)
        if (r->rule == HARMLESS && !fnmatch(r->pattern, name, 0))
            return 1;
    return 0;
}

static tern_status refuse(const struct tern_tensor *t, const struct row *row, const struct tern_purpose *p,
                          const char *path, tern_error *err)
{
    if (row && row->rule != OTHER)
        return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s: %s", path, t->name, row->what);
    if (row)
        return tern_fail(err, TERN_FORMAT,
                         "%s: tensor %.80s is a %s's, but config.json says %s; say what the model is for (--task %s)",
                         path, t->name, row->what, p->settled ? p->source : "nothing of it",
                         tern_task_words("or").text);
    return tern_fail(err, TERN_FORMAT,
                     "%s: tensor %.100s is no part of the model as Tern computes it, and the answer may depend on it; "
                     "%s",
                     path, t->name,
                     p->alone ? "remove it if not"
                              : "remove it if not (a head's: the task 'embed', --task embed, does so)");
}

tern_status tern_account(const struct tern_tensor *tensors, const uint8_t *used, size_t n, const char *encoder,
                         const struct tern_checkpoint_family *family, const struct tern_purpose *purpose,
                         const char *path, tern_error *err)
{
    struct dropped dropped = {.purpose = purpose};
    for (size_t i = 0; i < n; i++) {
        const struct tern_tensor *t = &tensors[i];
        if (used[i] || t->bytes == 0) /* what is computed with no number at all? */
            continue;
        const struct row *row = row_of(t->name, family);
        const int drop = purpose->alone && !in_encoder(t->name, encoder, family->layer);
        if (row && (row->rule == HEAD || row->rule == ADAPTER || row->rule == POOLER ||
                    (row->rule == OTHER && purpose->alone)))
            dropped.of_row[row - rows]++;
        else if (row && (row->rule == COUNT || row->rule == ZEROS) && counts_up(t, row->rule == COUNT))
            continue;
        else if (!row && drop)
            drop_unknown(&dropped, t->name);
        else if (!row || (row->rule != HARMLESS && row->rule != IBERT && row->rule != LONGFORMER))
            return refuse(t, row, purpose, path, err);
    }
    tell_unknown(&dropped);
    tell_rows(&dropped);
    return TERN_OK;
}
