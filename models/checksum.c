/* Computes the checksum of a .tern file and reads the one in its header, for opening a model. */
#include "models/checksum.h"

#include <string.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

static const char checksum_key[] = TERN_CHECKSUM_KEY;
enum { DIGITS = TERN_CHECKSUM_DIGITS };

tern_status tern_checksum(const uint8_t *bytes, size_t size, const char *label, uint64_t *computed, uint64_t *stored,
                          tern_error *err)
{
    /* The container was parsed before: the header's length is within the file. */
    uint64_t header_bytes = 0;
    for (int i = 0; i < 8; i++)
        header_bytes |= (uint64_t)bytes[i] << 8 * i;
    const size_t header = 8 + (size_t)header_bytes, key = sizeof checksum_key - 1;
    const uint8_t *place = memmem(bytes, header, checksum_key, key);
    if (!place || (size_t)(bytes + header - place) < key + DIGITS)
        return tern_fail(err, TERN_FORMAT, "%s: no checksum in the header; not a .tern file", label);
    const uint8_t *digits = place + key;
    *stored = 0;
    for (int i = 0; i < DIGITS; i++) {
        int c = digits[i], value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value < 0)
            return tern_fail(err, TERN_FORMAT, "%s: the checksum is not %d hexadecimal digits", label, DIGITS);
        *stored = *stored << 4 | (uint64_t)value;
    }
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    XXH3_64bits_update(&state, bytes, (size_t)(digits - bytes));
    XXH3_64bits_update(&state, "0000000000000000", DIGITS);
    XXH3_64bits_update(&state, digits + DIGITS, size - (size_t)(digits + DIGITS - bytes));
    *computed = XXH3_64bits_digest(&state);
    return TERN_OK;
}
