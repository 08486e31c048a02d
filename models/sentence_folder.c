/* Finds the modules of a sentence-transformers folder, and what its transformer's own file says. */
#include "models/sentence_folder.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Types by the last part of their names: their packages were renamed in 5.4, and BERT and DistilBERT are those of the
   first releases. */
static const struct {
    const char *name;
    enum tern_module_kind kind;
} kinds[] = {
    {"Transformer", TERN_MODULE_TRANSFORMER},
    {"BERT", TERN_MODULE_TRANSFORMER},
    {"DistilBERT", TERN_MODULE_TRANSFORMER},
    {"MLMTransformer", TERN_MODULE_TRANSFORMER},
    {"Pooling", TERN_MODULE_POOLING},
    {"Dense", TERN_MODULE_DENSE},
    {"Normalize", TERN_MODULE_NORMALIZE},
    {"SpladePooling", TERN_MODULE_SPLADE},
    {"MultiVectorMask", TERN_MODULE_MASK},
    {"StaticEmbedding", TERN_MODULE_STATIC},
    {"Dropout", TERN_MODULE_DROPOUT},
    {"LayerNorm", TERN_MODULE_OTHER},
    {"CNN", TERN_MODULE_OTHER},
    {"LSTM", TERN_MODULE_OTHER},
    {"Asym", TERN_MODULE_OTHER},
    {"Router", TERN_MODULE_ROUTER},
    {"SparseStaticEmbedding", TERN_MODULE_WEIGHTS},
    {"IDF", TERN_MODULE_WEIGHTS}, /* before it was renamed */
    {"WordWeights", TERN_MODULE_OTHER},
    {"BoW", TERN_MODULE_OTHER},
    {"WordEmbeddings", TERN_MODULE_OTHER},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static enum tern_module_kind kind_of(const char *type)
{
    static const char package[] = "sentence_transformers.";
    const char *dot = strrchr(type, '.');
    if (!strcmp(type, "pylate.models.Dense.Dense")) /* a copy of the library's */
        return TERN_MODULE_DENSE;
    for (int i = 0; i < N_KINDS && dot && !strncmp(type, package, sizeof package - 1); i++)
        if (!strcmp(dot + 1, kinds[i].name))
            return kinds[i].kind;
    return TERN_MODULE_OTHER; /* code of the checkpoint's own, too */
}

/* Paths lead to folders within the checkpoint. */
static int leads_out(const char *path)
{
    const char *at = path;
    if (*path == '/')
        return 1;
    for (const char *end; *at; at = *end ? end + 1 : end) {
        end = strchr(at, '/');
        end = end ? end : at + strlen(at);
        if (end - at == 2 && !strncmp(at, "..", 2))
            return 1;
    }
    return 0;
}

/* `file` names the module. */
static tern_status add_module(struct tern_sentence_folder *f, const char *directory, const char *type, const char *path,
                              const char *file, tern_error *err)
{
    struct tern_module *m = &f->modules[f->n_modules];
    if (f->n_modules == TERN_MAX_MODULES)
        return tern_fail(err, TERN_FORMAT, "%s: more than %d modules", directory, TERN_MAX_MODULES);
    if (leads_out(path))
        return tern_fail(err, TERN_FORMAT, "%s: the path %.60s leads out of the folder", file, path);
    m->kind = kind_of(type);
    snprintf(m->type, sizeof m->type, "%s", type);
    const tern_status status = tern_join_path(m->path, sizeof m->path, directory, path, err);
    if (!*path) /* "" is the folder itself */
        snprintf(m->path, sizeof m->path, "%s", directory);
    f->n_modules += !status;
    return status;
}

/* ---- A Router: router_config.json names the modules of each way, by their folders -------------------------------- */

static tern_status read_way(struct tern_sentence_folder *f, const char *folder, const json_t *root, const char *way,
                            const char *path, tern_error *err)
{
    const json_t *const names = json_object_get(json_object_get(root, "structure"), way);
    tern_status status = TERN_OK;
    if (!json_is_array(names))
        return tern_fail(err, TERN_FORMAT, "%s: structure has no list of the modules of a %s", path, way);
    for (size_t i = 0; !status && i < json_array_size(names); i++) {
        const char *const name = json_string_value(json_array_get(names, i));
        const char *const type = name ? json_string_value(json_object_get(json_object_get(root, "types"), name)) : NULL;
        if (!type)
            return tern_fail(err, TERN_FORMAT, "%s: module %zu of a %s has no name or no type", path, i, way);
        status = add_module(f, folder, type, name, path, err);
    }
    return status;
}

/* Queries go through one table of weights, which is kept behind all modules. */
static tern_status take_query(struct tern_sentence_folder *f, int before, const char *path, tern_error *err)
{
    const struct tern_module *const m = &f->modules[before];
    if (f->n_modules != before + 1 || m->kind != TERN_MODULE_WEIGHTS)
        return tern_fail(err, TERN_FORMAT,
                         "%s: queries go through %d modules, the first of them %.60s; one SparseStaticEmbedding is "
                         "supported",
                         path, f->n_modules - before, f->n_modules > before ? m->type : "none");
    f->modules[TERN_MAX_MODULES] = *m;
    f->query = &f->modules[TERN_MAX_MODULES];
    f->n_modules = before;
    return TERN_OK;
}

/* Puts the modules of documents in the place of the last module, a Router. */
static tern_status read_router(struct tern_sentence_folder *f, tern_error *err)
{
    static const char *const known[] = {"types", "structure", "parameters"}, *const ways[] = {"query", "document"};
    char folder[TERN_MAX_FOLDER], path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    const int before = --f->n_modules;
    snprintf(folder, sizeof folder, "%s", f->modules[before].path);
    tern_status status = f->query ? tern_fail(err, TERN_FORMAT, "%s: a second Router is not supported", folder)
                                  : tern_join_path(path, sizeof path, folder, "router_config.json", err);
    if (!status)
        status = tern_json_read_file(&root, path, TERN_MAX_MODULE_FILE, 0, err);
    if (!status)
        status = tern_json_known_keys(root, known, 3, "a Router", path, err);
    if (!status)
        status = tern_json_known_keys(json_object_get(root, "structure"), ways, 2, "a Router's structure", path, err);
    if (!status && json_object_size(json_object_get(json_object_get(root, "parameters"), "route_mappings")))
        status = tern_fail(err, TERN_FORMAT, "%s: route_mappings are not supported", path);
    if (!status)
        status = read_way(f, folder, root, "query", path, err);
    if (!status)
        status = take_query(f, before, path, err);
    if (!status)
        status = read_way(f, folder, root, "document", path, err);
    json_decref(root);
    return status;
}

/* ---- modules.json ------------------------------------------------------------------------------------------------ */

static tern_status read_modules(struct tern_sentence_folder *f, const char *directory, const json_t *root,
                                const char *path, tern_error *err)
{
    tern_status status = TERN_OK;
    if (!json_is_array(root))
        return tern_fail(err, TERN_FORMAT, "%s: not a JSON array", path);
    for (size_t i = 0; !status && i < json_array_size(root); i++) {
        const char *type = json_string_value(json_object_get(json_array_get(root, i), "type"));
        const char *where = json_string_value(json_object_get(json_array_get(root, i), "path"));
        if (!type || !where)
            return tern_fail(err, TERN_FORMAT, "%s: module %zu has no type or no path", path, i);
        status = add_module(f, directory, type, where, path, err);
        if (!status && f->modules[f->n_modules - 1].kind == TERN_MODULE_ROUTER)
            status = read_router(f, err);
    }
    return status;
}

/* Without modules.json: folders called as the library calls those of modules, "0_Transformer", "1_Pooling". */
static tern_status guess_modules(struct tern_sentence_folder *f, const char *directory, tern_error *err)
{
    char name[48], type[64], path[TERN_MAX_FOLDER];
    tern_status status = TERN_OK;
    for (int i = 0; i < 10 && !status; i++) {
        const int before = f->n_modules;
        for (int k = 0; k < N_KINDS && !status; k++) {
            snprintf(name, sizeof name, "%d_%s", i, kinds[k].name);
            snprintf(type, sizeof type, "sentence_transformers.models.%s", kinds[k].name);
            status = tern_join_path(path, sizeof path, directory, name, err);
            if (!status && tern_is_directory(path))
                status = add_module(f, directory, type, name, path, err);
        }
        if (i == 0 && f->n_modules == before && !status)
            status = add_module(f, directory, "sentence_transformers.models.Transformer", "", path, err);
    }
    return status;
}

/* The first of the names that is there and says anything: each version of the library wrote one. */
static tern_status read_config(struct tern_sentence_folder *f, tern_error *err)
{
    static const char *const names[] = {"bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet"};
    char name[48];
    tern_status status = TERN_OK;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !status && !json_object_size(f->config); i++) {
        json_decref(f->config);
        f->config = NULL;
        snprintf(name, sizeof name, "sentence_%s_config.json", names[i]);
        status = tern_join_path(f->config_path, sizeof f->config_path, f->transformer, name, err);
        if (!status)
            status = tern_json_read_file(&f->config, f->config_path, TERN_MAX_MODULE_FILE, 1, err);
        if (!status && f->config && !json_is_object(f->config))
            status = tern_fail(err, TERN_FORMAT, "%s: not a JSON object", f->config_path);
    }
    if (!status)
        status = tern_json_get_bool(f->config, "do_lower_case", 0, &f->lower_case, f->config_path, err);
    return status;
}

/* model2vec's config.json, which need not come with modules.json. What is wrong with another's is said by its reader.
 */
static tern_status find_static(struct tern_sentence_folder *f, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    f->is_static = f->n_modules > 0 && f->modules[0].kind == TERN_MODULE_STATIC;
    f->most_tokens = 512;
    tern_status status = tern_join_path(path, sizeof path, f->transformer, "config.json", err);
    if (!status)
        status = tern_json_read_file(&root, path, TERN_MAX_MODULE_FILE, 1, err);
    if (status == TERN_NOMEM)
        return status;
    status = TERN_OK;
    const char *const type = json_string_value(json_object_get(root, "model_type"));
    const json_t *const most = json_object_get(root, "max_length");
    const char *const class = json_string_value(json_array_get(json_object_get(root, "architectures"), 0));
    f->is_colbert = class && !strcmp(class, "HF_ColBERT");
    f->is_model2vec = type && !strcmp(type, "model2vec");
    f->is_static |= f->is_model2vec;
    if (f->is_model2vec && !f->has_modules_json && f->n_modules)
        f->modules[0].kind = TERN_MODULE_STATIC;
    if (f->is_model2vec && most && json_is_null(most))
        f->most_tokens = 0;
    else if (f->is_model2vec)
        status = tern_json_get_int(root, "max_length", 0, 3, INT32_MAX, &f->most_tokens, path, err);
    json_decref(root);
    return status;
}

tern_status tern_sentence_folder_open(struct tern_sentence_folder *out, const char *directory, tern_error *err)
{
    char path[TERN_MAX_FOLDER];
    json_t *root = NULL;
    memset(out, 0, sizeof *out);
    out->modules = malloc((TERN_MAX_MODULES + 1) * sizeof *out->modules);
    tern_status status =
        out->modules ? TERN_OK : tern_fail_nomem(err, "the modules", TERN_MAX_MODULES * sizeof *out->modules);
    if (!status)
        status = tern_join_path(path, sizeof path, directory, "modules.json", err);
    if (!status)
        status = tern_json_read_file(&root, path, TERN_MAX_MODULE_FILE, 1, err);
    out->has_modules_json = root != NULL;
    if (!status)
        status = root ? read_modules(out, directory, root, path, err) : guess_modules(out, directory, err);
    json_decref(root);
    for (int i = 0; i < out->n_modules; i++)
        out->is_sparse |= out->modules[i].kind == TERN_MODULE_SPLADE;
    snprintf(out->transformer, sizeof out->transformer, "%s", directory);
    for (int i = 0; i < out->n_modules; i++)
        if (out->modules[i].kind == TERN_MODULE_TRANSFORMER || out->modules[i].kind == TERN_MODULE_STATIC) {
            snprintf(out->transformer, sizeof out->transformer, "%s", out->modules[i].path);
            break;
        }
    if (!status)
        status = read_config(out, err);
    if (!status)
        status = find_static(out, err);
    if (status)
        tern_sentence_folder_close(out);
    return status;
}

void tern_sentence_folder_close(struct tern_sentence_folder *f)
{
    json_decref(f->config);
    free(f->modules);
    memset(f, 0, sizeof *f);
}
