/* SentencePiece's Unigram: the pieces of a word whose scores have the greatest sum, found in one pass. The sums are
   doubles, added in the order in which Hugging Face's tokenizers add them, so that ties fall alike. */
#include "models/pipeline.h"

#include <string.h>

/* The best path that ends behind a byte of the word. */
struct node {
    double score;
    uint32_t from; /* where its last piece begins; NOWHERE: none ends here */
    int32_t id;
};
#define NOWHERE 0xFFFFFFFFu

static void reach(struct node *node, double score, size_t from, int32_t id)
{
    if (node->from == NOWHERE || score > node->score)
        *node = (struct node){score, (uint32_t)from, id};
}

static void find_paths(const struct tern_subwords *model, const struct tern_stretch *word, struct node *nodes)
{
    const struct tern_token_table *table = model->table;
    const struct tern_trie *trie = &table->trie;
    size_t next;

    for (size_t i = 1; i <= word->n; i++)
        nodes[i].from = NOWHERE;
    nodes[0] = (struct node){0, 0, 0};
    for (size_t at = 0; at < word->n; at = next) {
        const double score = nodes[at].score;
        uint32_t node = 0;
        int single = 0;
        next = at + 1;
        while (!model->bytes && next < word->n && (word->bytes[next] & 0xC0) == 0x80)
            next++;
        for (size_t end = at; end < word->n;) {
            node = tern_trie_step(trie, node, word->bytes[end++]);
            if (node == 0)
                break;
            const int32_t id = trie->units[node].value;
            /* A file may lie: a piece ends where a character does, and is one of the model's. */
            if (id < 0 || id >= (int32_t)table->model_count ||
                (!model->bytes && end < word->n && (word->bytes[end] & 0xC0) == 0x80))
                continue;
            reach(&nodes[end], table->scores[id] + score, at, id);
            single |= end == next;
        }
        if (!single)
            reach(&nodes[next], table->unknown + score, at, model->unknown);
    }
}

/* A stretch of unknown characters may happen to be a piece; else it is the bytes' tokens, all made of the whole
   stretch, or the unknown token. */
static void put_unknown(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word,
                        size_t from, size_t to)
{
    const int32_t id = tern_table_find(model->table, word->bytes + from, to - from);
    int bytes = id < 0 && model->byte_fallback;

    for (size_t i = from; i < to && bytes; i++)
        bytes = model->byte_of[word->bytes[i]] >= 0;
    if (!bytes) {
        tern_run_put(run, id >= 0 ? id : model->unknown, word, from, to);
        return;
    }
    for (size_t i = from; i < to; i++)
        tern_run_put(run, model->byte_of[word->bytes[i]], word, from, to);
}

void tern_split_unigram(const struct tern_subwords *model, struct tern_run *run, const struct tern_stretch *word)
{
    struct node *nodes = word->n > SIZE_MAX / sizeof *nodes - 1 ? tern_run_scratch(run, SIZE_MAX)
                                                                : tern_run_scratch(run, (word->n + 1) * sizeof *nodes);
    size_t from;

    if (nodes == NULL)
        return;
    find_paths(model, word, nodes);
    /* The path backwards; then `from` says where the next piece ends. An id stays where its piece ends. */
    uint32_t end = (uint32_t)word->n;
    for (uint32_t at = end, last = NOWHERE; at > 0;) {
        const uint32_t before = nodes[at].from;
        nodes[at].from = last;
        last = at;
        at = before;
        if (at == 0)
            nodes[0].from = last;
    }
    for (from = 0; from < end;) {
        uint32_t to = nodes[from].from;
        const int32_t id = nodes[to].id;
        if (id != model->unknown) {
            tern_run_put(run, id, word, from, to);
            from = to;
            continue;
        }
        while (to < end && nodes[nodes[to].from].id == model->unknown)
            to = nodes[to].from;
        put_unknown(model, run, word, from, to);
        from = to;
    }
}
