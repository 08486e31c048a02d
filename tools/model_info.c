/* `tern info MODEL.tern`: what a model is, and its tensors. */
#include "tools/model_info.h"
#include "tools/cli.h"
#include "tools/sparsity.h"

#include "models/blocks.h"
#include "models/format.h"
#include "models/parts.h"
#include "runtime/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The weights that a stored tensor stands for: its padding and the panels it is kept in do not count. 0 for what only
   goes with a weight (scales, biases, parameters). */
static double weights_of(const struct tern_config *config, const struct tern_tensor *t)
{
    struct tern_key key;
    char name[128];
    const size_t n = strlen(t->name);
    if (n > 100)
        return 0;
    /* An int8 embedding table is stored as ".q", low-bit weights as ".code", block-sparse ones as ".value". */
    snprintf(name, sizeof name, "%s", t->name);
    char *dot = strrchr(name, '.');
    if (dot && (!strcmp(dot, ".q") || !strcmp(dot, ".code") || !strcmp(dot, ".value")))
        snprintf(dot, sizeof name - (size_t)(dot - name), ".weight");
    if (!tern_key_parse(&key, name) || key.is_bias || key.layer >= tern_part_count(config, &tern_parts[key.part]))
        return 0;
    const struct tern_shape shape = tern_part_shape(config, &tern_parts[key.part], key.layer);
    const struct tern_part *const part = &tern_parts[key.part];
    const int rank = part->place == TERN_PLACE_LAYER && part->kind == TERN_KIND_MATRIX
                         ? tern_matrix_rank(config, (enum tern_matrix)part->index, key.layer)
                         : 0;
    return (double)(key.inner ? rank : shape.n) * (double)(rank && !key.inner ? rank : shape.k);
}

static void print_shape(const struct tern_tensor *t, char *out, size_t capacity)
{
    size_t used = (size_t)snprintf(out, capacity, "[");
    for (int i = 0; i < t->n_dims && used < capacity; i++)
        used += (size_t)snprintf(out + used, capacity - used, "%s%" PRId64, i ? "," : "", t->shape[i]);
    if (used < capacity)
        snprintf(out + used, capacity - used, "]");
}

/* The tensor that goes with `t` under another suffix; NULL: none does. */
static const struct tern_tensor *beside(const tern_model *m, const struct tern_tensor *t, const char *suffix)
{
    char name[128];
    snprintf(name, sizeof name, "%s", t->name);
    char *dot = strrchr(name, '.');
    if (!dot)
        return NULL;
    snprintf(dot, sizeof name - (size_t)(dot - name), "%s", suffix);
    return tern_safetensors_find(&m->tensors, name);
}

/* Codes go with their groups' multipliers, blocks with what says where they belong. */
static size_t stored_bytes(const tern_model *m, const struct tern_tensor *t)
{
    static const char *const suffixes[] = {".group", ".index", ".count", ".first"};
    size_t bytes = t->bytes;
    for (int i = 0; i < 4; i++) {
        const struct tern_tensor *part = beside(m, t, suffixes[i]);
        bytes += part ? part->bytes : 0;
    }
    return bytes;
}

/* The shape of a block-sparse matrix, and in *left the part of its blocks that is left; -1 if `t` holds no blocks. */
static int blocks_of(const tern_model *m, const struct tern_tensor *t, double weights, double *left)
{
    const struct tern_tensor *param = beside(m, t, ".param"), *count = beside(m, t, ".count");
    if (!(weights > 0) || !param || param->dtype != TERN_I32 || param->bytes < sizeof(struct tern_linear_param) ||
        !count || count->dtype != TERN_I16 || count->n_dims != 1)
        return -1;
    const int shape = ((const struct tern_linear_param *)(const void *)param->data)->blocks - 1;
    if (shape < 0 || shape >= TERN_N_BLOCK_SHAPES)
        return -1;
    const uint16_t *counts = (const void *)count->data; /* zero where it is padded */
    double blocks = 0;
    for (int64_t i = 0; i < count->shape[0]; i++)
        blocks += counts[i];
    *left = blocks * tern_block_outputs((enum tern_block_shape)shape) * TERN_PANEL_K / weights;
    return shape;
}

static void print_tensors(const tern_model *m, const struct tern_tensor *const *sorted, int json)
{
    for (size_t i = 0; i < m->tensors.n_tensors; i++) {
        const struct tern_tensor *t = sorted[i];
        const double weights = weights_of(&m->config, t);
        char shape[128], bits[32] = "";
        double left = 0;
        const int blocks = blocks_of(m, t, weights, &left);
        const char *block = blocks < 0 ? "" : tern_block_shape_name((enum tern_block_shape)blocks);
        print_shape(t, shape, sizeof shape);
        if (weights > 0)
            snprintf(bits, sizeof bits, "%.3f", (double)stored_bytes(m, t) * 8 / weights);
        if (json) {
            fputs(i ? ",{\"name\":" : "{\"name\":", stdout);
            cli_json_text(stdout, t->name);
            printf(",\"dtype\":\"%s\",\"shape\":%s,\"bytes\":%zu,\"bits_per_weight\":%s", tern_dtype_name(t->dtype),
                   shape, t->bytes, *bits ? bits : "null");
            if (blocks >= 0)
                printf(",\"block\":\"%s\",\"blocks_left\":%.4f", block, left);
            putchar('}');
        } else {
            cli_plain(stdout, t->name, strlen(t->name));
            printf("%*s %-4s %-20s %10zu %8s", (int)(strlen(t->name) < 28 ? 28 - strlen(t->name) : 0), "",
                   tern_dtype_name(t->dtype), shape, t->bytes, bits);
            if (blocks >= 0)
                printf("  %.1f %% of %s blocks left", 100 * left, block);
            putchar('\n');
        }
    }
}

/* A prompt a line, the default one marked. */
static void print_prompts(const tern_model *m)
{
    const char *name, *text, *const chosen = m->info.default_prompt;
    for (int32_t k = 0; (name = tern_model_prompt(m, k, &text)); k++) {
        printf("%-13s ", k ? "" : "prompts");
        cli_plain(stdout, name, strlen(name));
        fputs(": \"", stdout);
        cli_plain(stdout, text, strlen(text));
        printf("\"%s\n", chosen && !strcmp(name, chosen) ? ", the default" : "");
    }
}

static void print_embedding_json(const tern_model *m)
{
    const struct tern_config *c = &m->config;
    const char *name, *text;
    printf("\"pooling\":\"%s\",\"poolings\":[", tern_pooling_name(c->pooling));
    for (int32_t k = 0; k <= c->n_joined; k++)
        printf("%s\"%s\"", k ? "," : "", tern_pooling_name(tern_pooling_at(c, k)));
    printf("],\"include_prompt\":%s,\"dense\":[", c->leave_out_prompt ? "false" : "true");
    for (int32_t k = 0; k < c->n_dense; k++)
        printf("%s{\"outputs\":%d,\"activation\":\"%s\",\"normalize\":%s}", k ? "," : "", c->dense[k].outputs,
               tern_dense_activation_name(c->dense[k].activation), c->dense[k].normalize ? "true" : "false");
    printf("],\"normalize\":%s,\"dimensions\":%d,\"prompts\":{", c->normalize ? "true" : "false", m->info.dimensions);
    for (int32_t k = 0; (name = tern_model_prompt(m, k, &text)); k++) {
        fputs(k ? "," : "", stdout);
        cli_json_text(stdout, name);
        putchar(':');
        cli_json_text(stdout, text);
    }
    fputs("},\"default_prompt\":", stdout);
    cli_json_text(stdout, m->info.default_prompt);
}

/* Columns that are repeated, and what part of the encoder's products that adds. */
static int copies_of(const tern_model *m, double *products)
{
    double all = 0, more = 0;
    int copies = 0;
    for (int i = 0; m->int8.layers && i < m->config.layers; i++) {
        const struct tern_layer *layer = &m->int8.layers[i];
        for (int j = 0; j < TERN_N_MATRICES; j++) {
            const enum tern_layer_input input = tern_matrix_part((enum tern_matrix)j)->reads;
            all += (double)layer->matrix[j].n * tern_input_width(&m->config, i, input);
            more += (double)layer->matrix[j].n * layer->outliers[input].copies;
        }
        for (int j = 0; j < TERN_N_INPUTS; j++)
            copies += layer->outliers[j].copies;
    }
    *products = all > 0 ? more / all : 0;
    return copies;
}

enum { ATTENTION_WORDS = 64 };

/* What a layer's attention is, in words. */
static void attention_of(const struct tern_layer_spec *l, char *out, size_t capacity)
{
    const char *const global = l->global ? " and global tokens" : "";
    if (l->mixer == TERN_MIXER_FOURIER)
        snprintf(out, capacity, "a Fourier transform");
    else if (!l->heads)
        snprintf(out, capacity, "none");
    else if (tern_is_linear(l))
        snprintf(out, capacity, "linear, feature map %s", tern_mixer_name(l->mixer));
    else if (l->block)
        snprintf(out, capacity, "blocks of %d tokens", l->block);
    else if (l->before < TERN_ALL_TOKENS && l->after < TERN_ALL_TOKENS)
        snprintf(out, capacity, "windows of %d tokens%s", l->before + l->after, global);
    else
        snprintf(out, capacity, "softmax over all tokens%s", global);
}

/* Each kind once, in the order of the layers, with how many have it unless all do. */
static void print_attention(const struct tern_config *c)
{
    char words[ATTENTION_WORDS], other[ATTENTION_WORDS];
    const char *between = "";
    for (int32_t i = 0; i < c->layers; i++) {
        int32_t before = 0, alike = 0;
        attention_of(&c->layer[i], words, sizeof words);
        for (int32_t k = 0; k < c->layers; k++) {
            attention_of(&c->layer[k], other, sizeof other);
            before += k < i && !strcmp(words, other);
            alike += !strcmp(words, other);
        }
        if (before)
            continue;
        fputs(between, stdout);
        if (alike < c->layers)
            printf("%d of %d layers: ", alike, c->layers);
        fputs(words, stdout);
        between = "; ";
    }
    puts(c->layers ? "" : "none");
}

static void print_attention_json(const struct tern_config *c)
{
    char words[ATTENTION_WORDS];
    fputs("\"attention\":[", stdout);
    for (int32_t i = 0; i < c->layers; i++) {
        attention_of(&c->layer[i], words, sizeof words);
        printf("%s\"%s\"", i ? "," : "", words);
    }
    fputs("],", stdout);
}

static void print(const tern_model *m, const struct tern_tensor *const *sorted, const char *path)
{
    const tern_model_info *i = &m->info;
    char sparsity[64];
    sparsity_text(sparsity, sizeof sparsity, m);
    fputs("file          ", stdout);
    cli_plain(stdout, path, strlen(path));
    putchar('\n');
    printf("bytes         %" PRIu64 "\n", i->file_bytes);
    printf("checksum      %016" PRIx64 "\n", i->checksum);
    printf("scheme        %s\n", tern_safetensors_metadata(&m->tensors, "tern.scheme"));
    printf("architecture  %s, %d layers, hidden %d, %d heads, intermediate %d, %s\n", i->architecture, i->layers,
           i->hidden, i->heads, i->intermediate, i->activation);
    fputs("attention     ", stdout);
    print_attention(&m->config);
    if (*m->config.adapter)
        printf("adapter       %s\n", m->config.adapter);
    printf("weights       %s, %" PRIu64 " parameters, %.3f bits each with all that goes with them\n", i->weights,
           i->parameters, (double)i->file_bytes * 8 / (double)i->parameters);
    printf("sparsity      %s\n", sparsity);
    double products;
    const int copies = copies_of(m, &products);
    printf("outliers      %d columns repeated, %.1f %% more products\n", copies, 100 * products);
    printf("vocabulary    %d ids%s\n", i->vocab, m->tokenizer ? "" : " (the file has no tokenizer)");
    printf("longest text  %d tokens, %d token types\n", i->max_tokens, i->token_types);
    printf("embedding     %s: %d dimensions\n", i->embedding, i->dimensions);
    print_prompts(m);
    printf("labels        ");
    for (int32_t k = 0; k < i->n_labels; k++) {
        const char *label = tern_model_label(m, k);
        fputs(k ? ", " : "", stdout);
        cli_plain(stdout, label, strlen(label));
    }
    if (i->n_labels)
        printf(" (of each %s; scores: %s)", i->of_tokens ? "token" : "text", i->output);
    printf("%s\n\n%-28s %-4s %-20s %10s %8s\n",
           i->n_labels               ? ""
           : strcmp(i->head, "none") ? "none: the head finds words (tern fill)"
                                     : "none",
           "tensor", "type", "shape", "bytes", "bits");
    print_tensors(m, sorted, 0);
}

static void print_json(const tern_model *m, const struct tern_tensor *const *sorted, const char *path)
{
    const tern_model_info *i = &m->info;
    char sparsity[24];
    sparsity_name(sparsity, sizeof sparsity, m);
    double products;
    const int copies = copies_of(m, &products);
    fputs("{\"file\":", stdout);
    cli_json_text(stdout, path);
    printf(",\"scheme\":%s,\"outlier_columns\":%d", tern_safetensors_metadata(&m->tensors, "tern.scheme"), copies);
    printf(",\"architecture\":\"%s\",\"weights\":\"%s\",\"activation\":\"%s\",\"layers\":%d,\"hidden\":%d,\"heads\":%d,"
           "\"intermediate\":%d,\"vocab\":%d,\"max_tokens\":%d,\"token_types\":%d,\"n_labels\":%d,\"sparsity\":\"%s\","
           "\"labels\":[",
           i->architecture, i->weights, i->activation, i->layers, i->hidden, i->heads, i->intermediate, i->vocab,
           i->max_tokens, i->token_types, i->n_labels, sparsity);
    for (int32_t k = 0; k < i->n_labels; k++) {
        fputs(k ? "," : "", stdout);
        cli_json_text(stdout, tern_model_label(m, k));
    }
    printf("],\"head\":\"%s\",\"output\":", i->head);
    cli_json_text(stdout, i->n_labels ? i->output : NULL);
    putchar(',');
    print_attention_json(&m->config);
    print_embedding_json(m);
    printf(",\"tokenizer\":%s,\"file_bytes\":%" PRIu64 ",\"parameters\":%" PRIu64
           ",\"bits_per_weight\":%.3f,\"checksum\":\"%016" PRIx64 "\",\"tensors\":[",
           m->tokenizer ? "true" : "false", i->file_bytes, i->parameters,
           (double)i->file_bytes * 8 / (double)i->parameters, i->checksum);
    print_tensors(m, sorted, 1);
    puts("]}");
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct tern_tensor *const *)a)->name, (*(const struct tern_tensor *const *)b)->name);
}

int info_model(const char *path, int json)
{
    tern_model *model;
    int code = cli_open_model(&model, path);
    if (code)
        return code;
    const size_t n = model->tensors.n_tensors, bytes = (n + 1) * sizeof(struct tern_tensor *);
    const struct tern_tensor **const sorted = malloc(bytes);
    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = &model->tensors.tensors[i];
    if (sorted) {
        qsort(sorted, n, sizeof *sorted, by_name);
        (json ? print_json : print)(model, sorted, path);
    } else {
        code = cli_nomem(bytes);
    }
    free(sorted);
    tern_model_close(model);
    return code;
}
