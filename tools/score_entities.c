/* Entities out of labels such as B-PER, as seqeval's get_entities finds them without a scheme: by the rules of
   conlleval, which take labels of every scheme, and those that break their scheme's rules. */
#include "tools/score_entities.h"

#include <string.h>

/* A label's first letter, and the type behind it: "PER"; "_" where there is none. */
struct mark {
    char tag;
    struct entity_label type;
};

/* Entities on their way through the words of one labelling. */
struct walk {
    struct mark before;
    size_t begin;
    /* The entity that ended before the last word. */
    struct entity_label type;
    size_t first;
};

static const struct mark outside = {'O', {"_", 1}};

static struct mark mark_of(const struct entity_label *label)
{
    const char *rest = label->text + 1;
    size_t bytes = label->bytes - 1;
    const char *const dash = bytes ? memchr(rest, '-', bytes) : NULL;
    if (dash) {
        bytes -= (size_t)(dash + 1 - rest);
        rest = dash + 1;
    }
    return (struct mark){*label->text, bytes ? (struct entity_label){rest, bytes} : outside.type};
}

static int same(const struct entity_label *a, const struct entity_label *b)
{
    return a->bytes == b->bytes && !memcmp(a->text, b->text, a->bytes);
}

static int ends_between(const struct mark *a, const struct mark *b)
{
    if (a->tag == 'E' || a->tag == 'S')
        return 1;
    if ((a->tag == 'B' || a->tag == 'I') && (b->tag == 'B' || b->tag == 'S' || b->tag == 'O'))
        return 1;
    return a->tag != 'O' && a->tag != '.' && !same(&a->type, &b->type);
}

static int begins_at(const struct mark *a, const struct mark *b)
{
    if (b->tag == 'B' || b->tag == 'S')
        return 1;
    if ((a->tag == 'E' || a->tag == 'S' || a->tag == 'O') && (b->tag == 'E' || b->tag == 'I'))
        return 1;
    return b->tag != 'O' && b->tag != '.' && !same(&a->type, &b->type);
}

/* Takes the word `at`: 1 if an entity ended before it, which w->type and w->first then tell. */
static int step(struct walk *w, struct mark now, size_t at)
{
    const int ended = ends_between(&w->before, &now);
    w->type = w->before.type;
    w->first = w->begin;
    if (begins_at(&w->before, &now))
        w->begin = at;
    w->before = now;
    return ended;
}

/* Both labellings step together, so that the entities that end at the same word meet. Behind each sentence, and so at
   the end, a word outside of entities is put in. */
void score_entities(struct entity_counts *out, const struct entity_label *gold, const struct entity_label *found,
                    const unsigned char *ends, size_t n)
{
    struct walk g = {.before = {'O', {"", 0}}}, f = g;
    size_t at = 0;
    *out = (struct entity_counts){0};
    for (size_t i = 0; i < n; i++) {
        for (int inserted = 0; inserted <= (ends[i] || i + 1 == n); inserted++, at++) {
            const int in_gold = step(&g, inserted ? outside : mark_of(&gold[i]), at);
            const int in_found = step(&f, inserted ? outside : mark_of(&found[i]), at);
            out->gold += (size_t)in_gold;
            out->found += (size_t)in_found;
            out->right += in_gold && in_found && g.first == f.first && same(&g.type, &f.type);
        }
    }
}
