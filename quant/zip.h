/* The zip archives that torch.save writes: entries that are stored as they are, found where they lie. */
#ifndef TERN_ZIP_H
#define TERN_ZIP_H

#include "runtime/base/status.h"

/* One entry: a view into the archive's bytes. The name has no terminating zero. */
struct tern_zip_entry {
    const char *name;
    size_t name_bytes;
    const uint8_t *data;
    size_t bytes;
};

struct tern_zip {
    struct tern_zip_entry *entries; /* sorted by name, each name once */
    size_t n_entries;
};

/* Reads the central directory of the archive in bytes[size], with zip64's numbers where there are any. An entry that is
   compressed or encrypted, or does not lie in the file, is refused by name. The bytes must outlive *out. TERN_FORMAT,
   TERN_NOMEM. */
tern_status tern_zip_open(struct tern_zip *out, const uint8_t *bytes, size_t size, const char *label, tern_error *err);
void tern_zip_close(struct tern_zip *zip);
/* NULL when there is no such entry. */
const struct tern_zip_entry *tern_zip_find(const struct tern_zip *zip, const char *name, size_t name_bytes);

#endif
