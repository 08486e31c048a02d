/* What stands in a build with CONVERT=0 for the commands that make models: each says that they are not there. */
#include "tools/calibrate_sparse.h"
#include "tools/commands.h"
#include "tools/seeded.h"

int cmd_convert(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_fail(CLI_USAGE,
                    "convert: this build only runs models (CONVERT=0); convert with a full one and copy the file");
}

int calibrate_sparse(const char *isa)
{
    (void)isa;
    return cli_fail(CLI_USAGE, "bench: this build only runs models (CONVERT=0); it has no --calibrate-sparse");
}

const char *seeded_name(int shape)
{
    (void)shape;
    return NULL;
}

/* Every name passes, so that what is refused is the making of the model, not its name. */
int seeded_find(const char *name)
{
    (void)name;
    return 0;
}

tern_status seeded_build(tern_model **out, void **bytes, int shape, enum tern_weights weights,
                         enum tern_format embeddings, const char *sparse,
                         void (*progress)(void *context, size_t done, size_t total), tern_error *err)
{
    (void)shape;
    (void)weights;
    (void)embeddings;
    (void)sparse;
    (void)progress;
    *out = NULL;
    *bytes = NULL;
    return tern_fail(err, TERN_USAGE, "this build only runs models (CONVERT=0); give bench a MODEL.tern");
}
