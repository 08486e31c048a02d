/* The normal forms of Unicode, as the crate unicode-normalization-alignments makes them: the order in which characters
   are said to be replaced, added or removed decides on the places of all bytes behind them. */
#include "models/compose.h"
#include "models/classes.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT = 32 };

struct unit {
    uint32_t c;
    int class, change;
};

/* Characters that wait: those whose order is not known yet, or that could not be composed. */
struct units {
    struct unit *all, first[SHORT];
    size_t n, room;
};

struct forms {
    struct tern_rewrite *r;
    int composed;
    struct units pending, passed;
    struct unit composee;
    int has_composee, last_class; /* last_class 0: none */
};

static void units_add(struct units *units, struct unit unit, int *failed)
{
    if (units->n == units->room) {
        const size_t room = 2 * units->room;
        struct unit *grown = malloc(room * sizeof *grown);
        if (grown == NULL) {
            *failed = 1;
            return;
        }
        memcpy(grown, units->all, units->n * sizeof *grown);
        if (units->all != units->first)
            free(units->all);
        units->all = grown;
        units->room = room;
    }
    units->all[units->n++] = unit;
}

static void units_begin(struct units *units)
{
    units->all = units->first;
    units->n = 0;
    units->room = SHORT;
}

static void units_free(struct units *units)
{
    if (units->all != units->first)
        free(units->all);
}

static void put(struct forms *f, struct unit unit)
{
    tern_rewrite_put(f->r, unit.c, unit.change);
}

static void put_passed(struct forms *f)
{
    for (size_t i = 0; i < f->passed.n; i++)
        put(f, f->passed.all[i]);
    f->passed.n = 0;
    f->last_class = 0;
}

static void compose(struct forms *f, struct unit unit)
{
    struct unit *k = &f->composee;

    if (!f->has_composee) {
        if (unit.class) {
            put(f, unit);
        } else {
            *k = unit;
            f->has_composee = 1;
        }
        return;
    }
    const uint32_t made = f->last_class && f->last_class >= unit.class ? 0 : tern_compose(k->c, unit.c);
    if (made) {
        k->c = made;
        k->change += unit.change - 1;
    } else if (unit.class == 0) {
        put(f, *k);
        put_passed(f);
        *k = unit;
    } else {
        units_add(&f->passed, unit, f->r->out->failed);
        f->last_class = unit.class;
    }
}

/* What waits is in order now: stable, by class. A run of n marks is sorted in n log n steps. */
static int by_class(const void *a, const void *b)
{
    const struct unit *x = a, *y = b;
    return x->class - y->class;
}

static void sort_stably(struct units *units)
{
    size_t sorted = 1;
    while (sorted < units->n && units->all[sorted - 1].class <= units->all[sorted].class)
        sorted++;
    if (sorted >= units->n)
        return;
    /* The class and, below it, the place in the run: qsort is not stable. */
    for (size_t i = 0; i < units->n; i++)
        units->all[i].class = units->all[i].class << 22 | (int)(i & 0x3FFFFF);
    qsort(units->all, units->n, sizeof *units->all, by_class);
    for (size_t i = 0; i < units->n; i++)
        units->all[i].class >>= 22;
}

static void flush(struct forms *f)
{
    sort_stably(&f->pending);
    for (size_t i = 0; i < f->pending.n; i++)
        if (f->composed)
            compose(f, f->pending.all[i]);
        else
            put(f, f->pending.all[i]);
    f->pending.n = 0;
}

void tern_normal_form(struct tern_rewrite *r, int compatible, int composed)
{
    const uint8_t *at = r->in->bytes, *const end = at + r->in->n;
    struct forms f = {.r = r, .composed = composed};

    units_begin(&f.pending);
    units_begin(&f.passed);
    while (at < end && !*r->out->failed) {
        uint32_t parts[TERN_COMPATIBLE_MAX];
        const int n = tern_decompose_as(tern_utf8_next(&at), compatible, parts);
        for (int i = 0; i < n; i++) {
            const struct unit unit = {parts[i], tern_combining_class(parts[i]), i > 0};
            if (unit.class == 0)
                flush(&f);
            units_add(&f.pending, unit, r->out->failed);
        }
    }
    flush(&f);
    if (f.has_composee)
        put(&f, f.composee);
    put_passed(&f);
    units_free(&f.pending);
    units_free(&f.passed);
}
