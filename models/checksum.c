/* Computes the checksum of a .tern file, some bytes at a time, and reads the one in its header. */
#include "models/checksum.h"

#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

/* Distributions' shared libraries for x86 have this beside XXH3_64bits_update(), by AVX2 or AVX-512 where the CPU has
   them; static ones have not. */
XXH_errorcode XXH3_64bits_update_dispatch(XXH3_state_t *state, const void *bytes, size_t n) __attribute__((weak));

static const char checksum_key[] = TERN_CHECKSUM_KEY;
enum { DIGITS = TERN_CHECKSUM_DIGITS, PIECE = 1 << 17 };

struct tern_checksum {
    XXH3_state_t state; /* aligned to 64 bytes */
    const uint8_t *at, *end;
    const char *fault; /* why the file has no checksum, or NULL */
    uint64_t stored;
};

/* The checksum's digits in the header, or NULL. */
static const uint8_t *find_digits(const uint8_t *bytes, size_t size)
{
    const size_t key = sizeof checksum_key - 1;
    uint64_t header = 0;
    if (size < 8)
        return NULL;
    for (int i = 0; i < 8; i++)
        header |= (uint64_t)bytes[i] << 8 * i;
    if (header > size - 8)
        return NULL;
    const uint8_t *const place = memmem(bytes, 8 + (size_t)header, checksum_key, key);
    return place && (size_t)(bytes + 8 + header - place) >= key + DIGITS ? place + key : NULL;
}

tern_status tern_checksum_begin(struct tern_checksum **out, const uint8_t *bytes, size_t size, tern_error *err)
{
    struct tern_checksum *const c = aligned_alloc(_Alignof(struct tern_checksum), sizeof *c);
    *out = c;
    if (!c)
        return tern_fail_nomem(err, "a checksum", sizeof *c);
    const uint8_t *const digits = find_digits(bytes, size);
    c->fault = digits ? NULL : "no checksum in the header; not a .tern file";
    c->at = c->end = bytes + size;
    c->stored = 0;
    XXH3_64bits_reset(&c->state);
    for (int i = 0; i < DIGITS && !c->fault; i++) {
        int d = digits[i], value = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : -1;
        if (value < 0)
            c->fault = "the checksum is not 16 hexadecimal digits";
        c->stored = c->stored << 4 | (uint64_t)value;
    }
    if (!c->fault) {
        XXH3_64bits_update(&c->state, bytes, (size_t)(digits - bytes));
        XXH3_64bits_update(&c->state, "0000000000000000", DIGITS);
        c->at = digits + DIGITS;
    }
    return TERN_OK;
}

int tern_checksum_step(void *checksum)
{
    struct tern_checksum *const c = checksum;
    const size_t left = (size_t)(c->end - c->at), n = left < PIECE ? left : PIECE;
    (XXH3_64bits_update_dispatch ? XXH3_64bits_update_dispatch : XXH3_64bits_update)(&c->state, c->at, n);
    c->at += n;
    return c->at < c->end;
}

tern_status tern_checksum_end(const struct tern_checksum *c, const char *label, uint64_t *computed, uint64_t *stored,
                              tern_error *err)
{
    if (c->fault)
        return tern_fail(err, TERN_FORMAT, "%s: %s", label, c->fault);
    *computed = XXH3_64bits_digest(&c->state);
    *stored = c->stored;
    return TERN_OK;
}

void tern_checksum_free(struct tern_checksum *c)
{
    free(c);
}
