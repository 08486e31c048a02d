/* Finds and opens the files of a checkpoint's weights, and merges their tensors into one list. */
#include "quant/weight_files.h"

#include "models/json.h"
#include "quant/torch_file.h"
#include "runtime/base/file.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_INDEX = 1 << 26, /* bytes of an index */
    MAX_FILES = 1024,    /* that it names */
    MAX_FILE_NAME = 255,
    MAX_PATH = 4096,
};

/* What is looked for, in this order. */
static const struct {
    const char *name;
    int is_torch, is_index;
} sources[] = {
    {"model.safetensors", 0, 0},
    {"model.safetensors.index.json", 0, 1},
    {"pytorch_model.bin", 1, 0},
    {"pytorch_model.bin.index.json", 1, 1},
};

/* What else may hold weights, and what to do about it: for the message when there is none of the above. */
static const struct {
    const char *name, *remedy;
} others[] = {
    {"tf_model.h5", "load it with transformers' from_tf=True and save with save_pretrained"},
    {"flax_model.msgpack", "load it with transformers' from_flax=True and save with save_pretrained"},
    {"adapter_model.safetensors", "an adapter is no model: merge it into its base model and save that"},
    {"adapter_model.bin", "an adapter is no model: merge it into its base model and save that"},
    {"model.ckpt.index", "load it with transformers' from_tf=True and save with save_pretrained"},
    {"model.onnx", "convert the checkpoint that it was exported from"},
};

struct tern_weight_file {
    char *path;
    const char *name; /* the path's last part */
    struct tern_mapping mapping;
    struct tern_safetensors container;
    struct tern_torch_file torch;
};

static const struct tern_tensor *tensors_of(const struct tern_weight_file *file, size_t *n)
{
    *n = file->container.n_tensors + file->torch.n_tensors; /* one of them is not in use */
    return file->container.tensors ? file->container.tensors : file->torch.tensors;
}

static void close_file(struct tern_weight_file *file)
{
    tern_safetensors_close(&file->container);
    tern_torch_close(&file->torch);
    tern_map_close(&file->mapping);
    free(file->path);
}

static tern_status copy_path(char **out, const char *path, tern_error *err)
{
    const size_t n = strlen(path) + 1;
    *out = malloc(n);
    if (!*out)
        return tern_fail_nomem(err, path, n);
    memcpy(*out, path, n);
    return TERN_OK;
}

static tern_status open_file(struct tern_weight_file *out, const char *path, int is_torch, tern_error *err)
{
    tern_status status = copy_path(&out->path, path, err);
    if (!status)
        status = tern_map_open(&out->mapping, path, err);
    if (status)
        return status;
    const char *slash = strrchr(out->path, '/');
    out->name = slash ? slash + 1 : out->path;
    return is_torch ? tern_torch_open(&out->torch, out->mapping.bytes, out->mapping.size, path, err)
                    : tern_safetensors_open(&out->container, out->mapping.bytes, out->mapping.size, path, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tern_tensor *)a)->name, ((const struct tern_tensor *)b)->name);
}

/* The tensors of all files in one list. */
static tern_status merge(struct tern_weight_files *w, tern_error *err)
{
    size_t total = 0, n;
    for (size_t f = 0; f < w->n_files; f++) {
        tensors_of(&w->files[f], &n);
        total += n;
    }
    if (total == 0)
        return tern_fail(err, TERN_FORMAT, "%s: there is no tensor in it", w->path);
    w->tensors = calloc(total, sizeof w->tensors[0]);
    if (!w->tensors)
        return tern_fail_nomem(err, w->path, total * sizeof w->tensors[0]);
    for (size_t f = 0; f < w->n_files; f++) {
        const struct tern_tensor *from = tensors_of(&w->files[f], &n);
        if (n > 0)
            memcpy(w->tensors + w->n_tensors, from, n * sizeof *from);
        w->n_tensors += n;
    }
    qsort(w->tensors, total, sizeof w->tensors[0], by_name);
    for (size_t i = 1; i < total; i++)
        if (!by_name(&w->tensors[i - 1], &w->tensors[i]))
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is there twice", w->path, w->tensors[i].name);
    return TERN_OK;
}

/* ---- Several files ----------------------------------------------------------------------------------------------- */

/* The files' names as an object's keys: there may be as many tensors as an index holds, and a thousand files. */
static tern_status list_names(json_t *names, const struct tern_weight_files *w, const json_t *map, tern_error *err)
{
    const char *tensor;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)map, tensor, value)
    {
        const char *name = json_string_value(value);
        if (!name || !*name || strlen(name) > MAX_FILE_NAME || strchr(name, '/') || strchr(name, '\\') ||
            !strcmp(name, ".") || !strcmp(name, ".."))
            return tern_fail(err, TERN_FORMAT,
                             "%s: tensor %.60s is said to be in \"%.60s\", which is no name of a file in its folder",
                             w->path, tensor, name ? name : "");
        if (json_object_set_new(names, name, json_null()))
            return tern_fail_nomem(err, w->path, sizeof *names);
        if (json_object_size(names) > MAX_FILES)
            return tern_fail(err, TERN_FORMAT, "%s: more than %d files", w->path, MAX_FILES);
    }
    return TERN_OK;
}

/* Opens each file that the index names, once. It must be in the folder of the index. */
static tern_status open_files(struct tern_weight_files *w, const char *directory, const json_t *map, int is_torch,
                              tern_error *err)
{
    json_t *names = json_object(), *value;
    const char *name;
    char path[MAX_PATH];
    tern_status status = names ? list_names(names, w, map, err) : tern_fail_nomem(err, w->path, sizeof *names);

    json_object_foreach(names, name, value)
    {
        if (!status)
            status = tern_join_path(path, sizeof path, directory, name, err);
        if (!status)
            status = open_file(&w->files[w->n_files++], path, is_torch, err);
    }
    json_decref(names);
    return status;
}

/* Every tensor is where the index says, and none is missing. */
static tern_status check_places(struct tern_weight_files *w, const json_t *map, tern_error *err)
{
    const char *tensor;
    json_t *value;

    for (size_t f = 0; f < w->n_files; f++) {
        size_t n;
        const struct tern_tensor *t = tensors_of(&w->files[f], &n);
        for (size_t i = 0; i < n; i++) {
            const char *place = json_string_value(json_object_get(map, t[i].name));
            if (!place || strcmp(place, w->files[f].name))
                return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is in %.60s, the index says %.60s", w->path,
                                 t[i].name, w->files[f].name, place ? place : "nothing of it");
        }
    }
    json_object_foreach((json_t *)(uintptr_t)map, tensor, value)
    {
        if (!tern_weight_find(w, tensor))
            return tern_fail(err, TERN_FORMAT, "%s: tensor %.100s is missing in %.60s", w->path, tensor,
                             json_string_value(value));
    }
    return TERN_OK;
}

static tern_status open_index(struct tern_weight_files *w, const char *directory, int is_torch, tern_error *err)
{
    json_t *root = NULL;
    const json_t *map;
    tern_status status = tern_json_read_file(&root, w->path, MAX_INDEX, 0, err);

    map = json_object_get(root, "weight_map");
    if (!status && json_object_size(map) == 0)
        status = tern_fail(err, TERN_FORMAT, "%s: weight_map is no object that names the tensors' files", w->path);
    if (!status && !(w->files = calloc(MAX_FILES, sizeof w->files[0])))
        status = tern_fail_nomem(err, w->path, MAX_FILES * sizeof w->files[0]);
    if (!status)
        status = open_files(w, directory, map, is_torch, err);
    if (!status)
        status = merge(w, err);
    if (!status)
        status = check_places(w, map, err);
    json_decref(root);
    return status;
}

/* ---- The whole --------------------------------------------------------------------------------------------------- */

static int is_there(const char *directory, const char *name)
{
    char path[MAX_PATH];
    return tern_join_path(path, sizeof path, directory, name, NULL) == TERN_OK && tern_path_exists(path);
}

static tern_status fail_none(const char *directory, tern_error *err)
{
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (is_there(directory, others[i].name))
            return tern_fail(err, TERN_FORMAT, "%s: %s is not supported, %s is; %s", directory, others[i].name,
                             sources[0].name, others[i].remedy);
    return tern_fail(err, TERN_IO, "%s: no weights: there is no %s, %s or %s.index.json", directory, sources[0].name,
                     sources[2].name, sources[0].name);
}

tern_status tern_weight_files_open(struct tern_weight_files *out, const char *directory, tern_error *err)
{
    const size_t n = sizeof sources / sizeof sources[0];
    size_t i = 0;
    char path[MAX_PATH];
    tern_status status;

    memset(out, 0, sizeof *out);
    while (i < n && !is_there(directory, sources[i].name))
        i++;
    if (i == n)
        return fail_none(directory, err);
    status = tern_join_path(path, sizeof path, directory, sources[i].name, err);
    if (!status)
        status = copy_path(&out->path, path, err);
    if (!status && sources[i].is_index) {
        status = open_index(out, directory, sources[i].is_torch, err);
    } else if (!status) {
        out->files = calloc(1, sizeof out->files[0]);
        if (!out->files)
            status = tern_fail_nomem(err, out->path, sizeof out->files[0]);
        else
            status = open_file(&out->files[out->n_files++], path, sources[i].is_torch, err);
        if (!status)
            status = merge(out, err);
    }
    if (status)
        tern_weight_files_close(out);
    return status;
}

void tern_weight_files_close(struct tern_weight_files *files)
{
    for (size_t f = 0; f < files->n_files; f++)
        close_file(&files->files[f]);
    free(files->files);
    free(files->path);
    free(files->tensors);
    memset(files, 0, sizeof *files);
}

const struct tern_tensor *tern_weight_find(const struct tern_weight_files *files, const char *name)
{
    const struct tern_tensor key = {.name = name};
    return files->n_tensors ? bsearch(&key, files->tensors, files->n_tensors, sizeof key, by_name) : NULL;
}

const char *tern_weight_path(const struct tern_weight_files *files, const struct tern_tensor *tensor)
{
    for (size_t f = 0; f < files->n_files; f++) {
        size_t n;
        const struct tern_tensor *t = tensors_of(&files->files[f], &n);
        for (size_t i = 0; i < n; i++)
            if (t[i].data == tensor->data) /* names may have lost their wrappers */
                return files->files[f].path;
    }
    return files->path;
}
