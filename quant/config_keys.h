/* Accounts for every key of a checkpoint's config.json: it is honoured, harmless, or refused by name. */
#ifndef TERN_CONFIG_KEYS_H
#define TERN_CONFIG_KEYS_H

#include "models/config.h"

#include <jansson.h>

/* `root` is the object of the file `path`, `config` what was read from it. TERN_FORMAT names the key. */
tern_status tern_config_keys_check(const json_t *root, const struct tern_config *config, const char *path,
                                   tern_error *err);

#endif
