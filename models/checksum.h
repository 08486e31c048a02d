/* The checksum that a .tern file carries in its header. */
#ifndef TERN_CHECKSUM_H
#define TERN_CHECKSUM_H

#include "runtime/base/status.h"

/* What stands before its digits in the header's JSON. */
#define TERN_CHECKSUM_KEY "\"tern.checksum\":\""
enum { TERN_CHECKSUM_DIGITS = 16 };

/* The checksum of a .tern file in memory: XXH3-64 with the checksum's own 16 digits read as '0'. TERN_FORMAT when the
   header has no place for one. *stored receives what the file says. */
tern_status tern_checksum(const uint8_t *bytes, size_t size, const char *label, uint64_t *computed, uint64_t *stored,
                          tern_error *err);

#endif
