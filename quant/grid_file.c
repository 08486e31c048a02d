/* Reads tern_grid.json, by which a checkpoint that was trained on a grid says which grid that is. */
#include "quant/grid_file.h"

#include "models/blocks.h"
#include "models/parts.h"
#include "quant/convert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char name[] = "tern_grid.json";
static const char *const known[] = {"version", "weights", "group", "embeddings", "columns", "copies"};

static tern_status read_members(struct tern_grid *g, tern_error *err)
{
    int32_t version = 0;
    tern_status status = tern_json_known_keys(g->root, known, sizeof known / sizeof *known, "the grid", g->path, err);
    if (!status)
        status = tern_json_get_int(g->root, "version", 1, 1, 1, &version, g->path, err);
    if (!status)
        status = tern_json_get_string(g->root, "weights", 1, &g->weights, g->path, err);
    if (!status)
        status = tern_json_get_string(g->root, "embeddings", 1, &g->embeddings, g->path, err);
    if (status)
        return status;
    const int weights = tern_weights_find(g->weights);
    if (weights < 0 || !tern_weights_are_one_format((enum tern_weights)weights))
        return tern_fail(err, TERN_FORMAT, "%s: weights '%.32s' are no format", g->path, g->weights);
    if (tern_embeddings_find(g->embeddings) < 0)
        return tern_fail(err, TERN_FORMAT, "%s: embeddings '%.32s' are unknown; %s are", g->path, g->embeddings,
                         tern_format_words(NULL, tern_format_embeds, NULL, "and").text);
    const int grouped = tern_format_grouped(tern_weights_format((enum tern_weights)weights));
    status = tern_json_get_int(g->root, "group", grouped, 32, 128, &g->group, g->path, err);
    if (!status && (grouped ? g->group != 32 && g->group != 64 && g->group != 128 : g->group != 0))
        return tern_fail(err, TERN_FORMAT, "%s: group is %d, which %s weights do not have", g->path, g->group,
                         g->weights);
    return status;
}

tern_status tern_grid_open(struct tern_grid *g, const char *directory, tern_error *err)
{
    *g = (struct tern_grid){.group = 0};
    tern_status status = tern_join_path(g->path, sizeof g->path, directory, name, err);
    if (!status)
        status = tern_json_read_file(&g->root, g->path, TERN_MAX_MODULE_FILE, 1, err);
    return status || !g->root ? status : read_members(g, err);
}

/* Blocks of zeros can be stored as such, and keep what was trained; to prune some is something else. */
static int asks_to_prune(const char *sparse)
{
    enum tern_block_shape shape;
    double fraction = 0;
    return sparse && !tern_sparse_parse(sparse, &shape, &fraction) && fraction > 0;
}

/* The option that asks for something else than the file says; NULL: none does. */
static const char *other_option(const struct tern_grid *g, const tern_convert_options *o)
{
    if (o->weights && strcmp(o->weights, g->weights) != 0)
        return "weights";
    if (o->embeddings && strcmp(o->embeddings, g->embeddings) != 0)
        return "embeddings";
    if (o->group && o->group != g->group)
        return "group";
    return o->outliers                ? "outliers"
           : o->trained               ? "trained"
           : asks_to_prune(o->sparse) ? "sparse"
           : o->ffn_width             ? "ffn_width"
                                      : NULL;
}

void tern_grid_settle(struct tern_grid *g, tern_convert_options *o)
{
    if (!g->root)
        return;
    const char *const other = other_option(g, o);
    if (other) {
        tern_say(o, "%s is set aside: it was trained for %s weights, and the option '%s' asks for something else", name,
                 g->weights, other);
        json_decref(g->root);
        g->root = NULL;
        return;
    }
    o->weights = g->weights;
    o->embeddings = g->embeddings;
    o->group = g->group;
}

/* Reads the scales of the word table's columns. */
static tern_status read_columns(struct tern_grid *g, const struct tern_config *c, tern_error *err)
{
    const json_t *const list = json_object_get(g->root, "columns");
    const size_t width = (size_t)tern_part_shape(c, &tern_parts[TERN_PART_WORD], -1).k;
    if (!list)
        return TERN_OK;
    if (!json_is_array(list) || json_array_size(list) != width)
        return tern_fail(err, TERN_FORMAT, "%s: columns must be a list of %zu numbers, one for each column of %s",
                         g->path, width, "embed.word");
    g->columns = malloc(width * sizeof *g->columns);
    if (!g->columns)
        return tern_fail_nomem(err, g->path, width * sizeof *g->columns);
    for (size_t i = 0; i < width; i++) {
        const json_t *const value = json_array_get(list, i);
        const json_int_t scale = json_is_integer(value) ? json_integer_value(value) : 0;
        if (scale < 1 || scale > 32767)
            return tern_fail(err, TERN_FORMAT, "%s: columns[%zu] is no integer in 1 .. 32767", g->path, i);
        g->columns[i] = (int16_t)scale;
    }
    return TERN_OK;
}

/* Whether a layer, which has matrices of its own, has some with that input. */
static int has_input(const struct tern_config *c, int layer, enum tern_layer_input input)
{
    int n = 0;
    for (int m = 0; m < TERN_N_MATRICES; m++)
        if (tern_matrix_part((enum tern_matrix)m)->reads == input)
            n += tern_matrix_shape(c, layer * TERN_N_MATRICES + m).n;
    return c->layer[layer].weights == layer && n > 0;
}

/* The copies of one input to *at, which is moved behind them. */
static tern_status read_input(struct tern_grid *g, const struct tern_config *c, const char *key, const json_t *list,
                              uint16_t **at, tern_error *err)
{
    for (int i = 0; i < c->layers * TERN_N_INPUTS; i++) {
        char expected[TERN_PREFIX + 16];
        const int layer = i / TERN_N_INPUTS;
        const enum tern_layer_input input = (enum tern_layer_input)(i % TERN_N_INPUTS);
        snprintf(expected, sizeof expected, "layer.%d.%s", layer, tern_input_name(input));
        if (strcmp(key, expected) != 0 || !has_input(c, layer, input))
            continue;
        struct tern_copies *const copies = &g->copies[i];
        if (!json_is_array(list) || json_array_size(list) > TERN_MAX_COPIES)
            return tern_fail(err, TERN_FORMAT, "%s: copies %s must be a list of at most %d columns", g->path, key,
                             TERN_MAX_COPIES);
        *copies = (struct tern_copies){*at, (int)json_array_size(list)};
        for (int j = 0; j < copies->count; j++) {
            const json_t *const value = json_array_get(list, (size_t)j);
            const json_int_t column = json_is_integer(value) ? json_integer_value(value) : -1;
            *(*at)++ = (uint16_t)(column < 0 || column > 65535 ? 65535 : column);
        }
        const char *const fault = tern_copies_fault(copies, tern_input_width(c, layer, input));
        return fault ? tern_fail(err, TERN_FORMAT, "%s: copies %s %s", g->path, key, fault) : TERN_OK;
    }
    return tern_fail(err, TERN_FORMAT, "%s: copies '%.64s' is no input of this model", g->path, key);
}

static tern_status read_copies(struct tern_grid *g, const struct tern_config *c, tern_error *err)
{
    json_t *const object = json_object_get(g->root, "copies");
    const size_t inputs = (size_t)c->layers * TERN_N_INPUTS;
    size_t all = 0;
    const char *key;
    json_t *list;
    if (object && !json_is_object(object))
        return tern_fail(err, TERN_FORMAT, "%s: copies must be an object", g->path);
    json_object_foreach(object, key, list) all += json_array_size(list);
    g->copies = calloc(inputs + !inputs, sizeof *g->copies);
    g->repeated = malloc((all + 1) * sizeof *g->repeated);
    if (!g->copies || !g->repeated)
        return tern_fail_nomem(err, g->path, inputs * sizeof *g->copies);
    uint16_t *at = g->repeated;
    tern_status status = TERN_OK;
    json_object_foreach(object, key, list)
    {
        if (!status)
            status = read_input(g, c, key, list, &at, err);
    }
    return status;
}

tern_status tern_grid_fit(struct tern_grid *g, const struct tern_config *c, tern_error *err)
{
    if (!g->root)
        return TERN_OK;
    const tern_status status = read_columns(g, c, err);
    return status ? status : read_copies(g, c, err);
}

void tern_grid_say(const struct tern_grid *g, const struct tern_config *c, const tern_convert_options *o)
{
    char groups[40] = "";
    int columns = 0, inputs = 0;
    for (int i = 0; i < c->layers * TERN_N_INPUTS; i++) {
        columns += g->copies[i].count;
        inputs += g->copies[i].count > 0;
    }
    if (g->group)
        snprintf(groups, sizeof groups, " in groups of %d inputs", g->group);
    tern_say(o,
             "%s: trained for %s weights%s and %s embeddings, with %d repeated columns in %d inputs; all of it is kept",
             name, g->weights, groups, g->embeddings, columns, inputs);
}

void tern_grid_close(struct tern_grid *g)
{
    free(g->copies);
    free(g->repeated);
    free(g->columns);
    json_decref(g->root);
    *g = (struct tern_grid){.group = 0};
}
