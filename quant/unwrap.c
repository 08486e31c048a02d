/* Takes the names of wrappers out of the names of tensors. */
#include "quant/convert.h"
#include "quant/leftovers.h"

#include <stdlib.h>
#include <string.h>

/* Modules that hold another one and compute nothing, wherever their names are: torch.compile, DataParallel, FSDP,
   activation checkpointing, Lightning Fabric, Opacus. */
static const char *const anywhere[] = {
    "_orig_mod", "module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module", "_module", NULL};
/* Names of the whole model in somebody's training script, which count where all of its tensors have them in front. */
static const char *const in_front[] = {"model", "auto_model", "base_model", "net", "network", "student", "0", NULL};

/* The row that is the name's first part; NULL: none is. */
static const char *first_part(const char *name, const char *const *list)
{
    const size_t n = strcspn(name, ".");
    for (; *list; list++)
        if (name[n] == '.' && strlen(*list) == n && !memcmp(name, *list, n))
            return *list;
    return NULL;
}

/* Writes the name without wrappers to `to` and returns what was taken out last, NULL: nothing was. */
static const char *unwrap(char *to, const char *name)
{
    const char *taken = NULL;
    while (*name) {
        const char *wrapper = first_part(name, anywhere);
        size_t n = strcspn(name, ".");
        n += name[n] == '.';
        if (wrapper)
            taken = wrapper;
        else
            to = memcpy(to, name, n), to += n;
        name += n;
    }
    *to = 0;
    return taken;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tern_tensor *)a)->name, ((const struct tern_tensor *)b)->name);
}

/* The row of in_front that all names begin with, but for harmless tensors': a training script's own loss stands beside
   the model. NULL: there is none. */
static const char *common_front(const struct tern_tensor *tensors, size_t n)
{
    const char *common = NULL;
    for (size_t i = 0; i < n; i++) {
        if (tern_is_harmless(tensors[i].name))
            continue;
        const char *const front = first_part(tensors[i].name, in_front);
        if (!front || (common && front != common))
            return NULL;
        common = front;
    }
    return common;
}

/* Takes that off, as often as it is there. */
static void unwrap_all(struct tern_tensor *tensors, size_t n, const struct tern_purpose *purpose)
{
    for (const char *front; (front = common_front(tensors, n));) {
        size_t taken = 0;
        for (size_t i = 0; i < n; i++)
            if (first_part(tensors[i].name, in_front) == front) {
                tensors[i].name += strlen(front) + 1;
                taken++;
            }
        tern_say(purpose->options, "names: %s. taken off the front of %zu", front, taken);
    }
}

tern_status tern_unwrap_names(struct tern_tensor *tensors, size_t n, char **pool, const struct tern_purpose *purpose,
                              const char *path, tern_error *err)
{
    size_t bytes = 1, changed = 0;
    const char *last = NULL;
    for (size_t i = 0; i < n; i++)
        bytes += strlen(tensors[i].name) + 1;
    char *to = *pool = malloc(bytes);
    if (!to)
        return tern_fail_nomem(err, path, bytes);
    for (size_t i = 0; i < n; i++) {
        const char *taken = unwrap(to, tensors[i].name);
        tensors[i].name = to;
        to += strlen(to) + 1;
        last = taken ? taken : last;
        changed += taken != NULL;
    }
    if (changed)
        tern_say(purpose->options, "names: %s. taken out of %zu", last, changed);
    unwrap_all(tensors, n, purpose);
    qsort(tensors, n, sizeof *tensors, by_name);
    for (size_t i = 1; i < n; i++)
        if (!strcmp(tensors[i - 1].name, tensors[i].name))
            return tern_fail(err, TERN_FORMAT, "%s: two tensors are %.100s once their wrappers' names are taken out",
                             path, tensors[i].name);
    return TERN_OK;
}
