/* Opens the weights of Dense modules: linear.weight and linear.bias in each one's folder. */
#include "quant/dense_files.h"

#include "runtime/base/file.h"

#include <stdio.h>
#include <string.h>

static const char *const names[2] = {"linear.weight", "linear.bias"};

const struct tern_tensor *tern_dense_find(const struct tern_checkpoint *c, struct tern_key key)
{
    if (c->config.late.beside && key.is_bias)
        return NULL;
    return tern_weight_find(&c->dense[key.layer], names[key.is_bias]);
}

/* Whether the module has a bias, as its config.json says. */
static tern_status read_bias(int32_t *bias, const struct tern_module *m, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    *bias = 1;
    tern_status status = tern_join_path(path, sizeof path, m->path, "config.json", err);
    if (!status)
        status = tern_json_read_file(&root, path, TERN_MAX_MODULE_FILE, 0, err);
    if (!status)
        status = tern_json_get_bool(root, "bias", 0, bias, path, err);
    json_decref(root);
    return status;
}

/* The tensors that the module must have, and no others. */
static tern_status check_names(const struct tern_weight_files *f, int bias, tern_error *err)
{
    for (int i = 0; i <= bias; i++)
        if (!tern_weight_find(f, names[i]))
            return tern_fail(err, TERN_FORMAT, "%s: tensor %s is missing", f->path, names[i]);
    for (size_t i = 0; i < f->n_tensors; i++) {
        const char *name = f->tensors[i].name;
        if (strcmp(name, names[0]) != 0 && !(bias && !strcmp(name, names[1])))
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is none of this Dense module's", f->path, name);
    }
    return TERN_OK;
}

/* Stanford's ColBERT: the one layer's weights lie among the encoder's, and it has no bias. */
static tern_status open_beside(struct tern_checkpoint *c, const struct tern_sentence_folder *folder, tern_error *err)
{
    const struct tern_key key = {TERN_PART_DENSE, 0, 0, 0};
    tern_status status = tern_weight_files_open(&c->dense[0], folder->transformer, err);
    if (!status && !tern_dense_find(c, key))
        status =
            tern_fail(err, TERN_FORMAT, "%s: tensor %s is missing, ColBERT's last layer", c->dense[0].path, names[0]);
    return status ? status
                  : tern_checkpoint_check_tensor(&c->config, key, tern_dense_find(c, key), c->dense[0].path, err);
}

void tern_dense_mark_beside(const struct tern_checkpoint *c, uint8_t *used)
{
    const struct tern_tensor *const t = c->config.late.beside ? tern_weight_find(&c->weights, names[0]) : NULL;
    if (t)
        used[t - c->weights.tensors] = 1;
}

tern_status tern_dense_files_open(struct tern_checkpoint *c, const struct tern_sentence_folder *folder, tern_error *err)
{
    if (c->config.late.beside)
        return open_beside(c, folder, err);
    tern_status status = TERN_OK;
    for (int i = 0, n = 0; i < folder->n_modules && n < c->config.n_dense && !status; i++) {
        const struct tern_module *m = &folder->modules[i];
        struct tern_weight_files *const f = &c->dense[n];
        int32_t bias = 1;
        if (m->kind != TERN_MODULE_DENSE)
            continue;
        status = read_bias(&bias, m, err);
        if (!status)
            status = tern_weight_files_open(f, m->path, err);
        if (!status)
            status = check_names(f, bias, err);
        for (int is_bias = 0; is_bias <= bias && !status; is_bias++) {
            const struct tern_key key = {TERN_PART_DENSE, n, is_bias, 0};
            status = tern_checkpoint_check_tensor(&c->config, key, tern_dense_find(c, key), f->path, err);
        }
        n++;
    }
    return status;
}

void tern_dense_files_close(struct tern_checkpoint *c)
{
    for (int i = 0; i < TERN_MAX_DENSE; i++)
        tern_weight_files_close(&c->dense[i]);
}
