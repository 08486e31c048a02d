/* The checksum that a .tern file carries in its header: XXH3-64 of the file with the checksum's own 16 digits read as
   '0'. It finds damage, not intent: who writes a file can write the checksum, too. */
#ifndef TERN_CHECKSUM_H
#define TERN_CHECKSUM_H

#include "runtime/base/status.h"

/* What stands before its digits in the header's JSON. */
#define TERN_CHECKSUM_KEY "\"tern.checksum\":\""
enum { TERN_CHECKSUM_DIGITS = 16 };

/* A file whose checksum is being computed. */
struct tern_checksum;

/* The bytes may be any: where they have no place for a checksum, tern_checksum_end says so. TERN_NOMEM. */
tern_status tern_checksum_begin(struct tern_checksum **out, const uint8_t *bytes, size_t size, tern_error *err);
/* Reads some bytes more (`checksum` is a struct tern_checksum); 0: all are read. */
int tern_checksum_step(void *checksum);
/* *computed of a file that was read to its end, and *stored, what the file says. TERN_FORMAT when its header has no
   place for one. */
tern_status tern_checksum_end(const struct tern_checksum *checksum, const char *label, uint64_t *computed,
                              uint64_t *stored, tern_error *err);
/* Accepts NULL. */
void tern_checksum_free(struct tern_checksum *checksum);

#endif
