/* Finds the stored entries of a zip archive (PKWARE's APPNOTE 6.3) in a mapped file, for torch_file.c. It is our own
   because it is all that is needed: the libraries read through streams of their own and bring compression, and a
   tensor must stay where it lies. Checksums are not compared: torch can leave them out, and does not compare them. */
#include "quant/zip.h"

#include <stdlib.h>
#include <string.h>

/* Sizes of the records without their names and comments. */
enum { LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56, LOCATOR64 = 20, MAX_COMMENT = 65535 };

static uint64_t number(const uint8_t *at, int n)
{
    uint64_t value = 0;
    while (n-- > 0)
        value = value << 8 | at[n];
    return value;
}

/* The central directory: where it lies and how many entries it has. */
struct directory {
    uint64_t begin, bytes, entries;
};

/* Numbers that do not fit are in a second record, which a locator before the first one points to. */
static tern_status read_end64(struct directory *d, const uint8_t *bytes, size_t end, const char *label, tern_error *err)
{
    if (end < LOCATOR64)
        return TERN_OK; /* the numbers fit after all */
    const uint8_t *locator = bytes + (end - LOCATOR64);
    if (number(locator, 4) != 0x07064b50)
        return TERN_OK;
    const uint64_t at = number(locator + 8, 8);
    if (at > end - LOCATOR64 || end - LOCATOR64 - at < END64 || number(bytes + at, 4) != 0x06064b50)
        return tern_fail(err, TERN_FORMAT, "%s: the zip64 archive's end record is not where it should be", label);
    d->entries = number(bytes + at + 32, 8);
    d->bytes = number(bytes + at + 40, 8);
    d->begin = number(bytes + at + 48, 8);
    return TERN_OK;
}

static tern_status find_directory(struct directory *d, const uint8_t *bytes, size_t size, const char *label,
                                  tern_error *err)
{
    size_t comment = 0, at;
    tern_status status;

    for (;; comment++) { /* the last record that reaches to the file's end */
        if (comment > MAX_COMMENT || size < END + comment)
            return tern_fail(err, TERN_FORMAT, "%s: the zip archive has no end: the file is truncated", label);
        at = size - END - comment;
        if (number(bytes + at, 4) == 0x06054b50 && number(bytes + at + 20, 2) == comment)
            break;
    }
    d->entries = number(bytes + at + 10, 2);
    d->bytes = number(bytes + at + 12, 4);
    d->begin = number(bytes + at + 16, 4);
    status = read_end64(d, bytes, at, label, err);
    if (status)
        return status;
    if (d->begin > at || d->bytes > at - d->begin || d->entries > d->bytes / CENTRAL)
        return tern_fail(err, TERN_FORMAT, "%s: the zip archive's directory does not lie in the file", label);
    return TERN_OK;
}

/* zip64's extra field has those of the three numbers that are saturated, in this order. */
static int read_extra64(uint64_t *const numbers[3], const uint8_t *extra, size_t n)
{
    int missing = 0;
    for (int i = 0; i < 3; i++)
        missing |= *numbers[i] == 0xffffffff;
    while (missing && n >= 4) {
        const size_t id = (size_t)number(extra, 2), bytes = (size_t)number(extra + 2, 2);
        size_t at = 4;
        if (bytes > n - 4)
            return 0;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*numbers[i] != 0xffffffff)
                continue;
            if (at + 8 > 4 + bytes)
                return 0;
            *numbers[i] = number(extra + at, 8);
            at += 8;
        }
        missing &= id != 1;
        extra += 4 + bytes;
        n -= 4 + bytes;
    }
    return !missing;
}

#define BAD(what) tern_fail(err, TERN_FORMAT, "%s: zip entry %.*s %s", label, shown, e->name, what)

/* One record of the central directory; *taken is its length. */
static tern_status read_entry(struct tern_zip_entry *e, const uint8_t *at, size_t left, const uint8_t *bytes,
                              size_t size, size_t *taken, const char *label, tern_error *err)
{
    size_t name, extra;
    int shown;

    if (left < CENTRAL || number(at, 4) != 0x02014b50)
        return tern_fail(err, TERN_FORMAT, "%s: the zip archive's directory is damaged", label);
    name = (size_t)number(at + 28, 2);
    extra = (size_t)number(at + 30, 2);
    *taken = CENTRAL + name + extra + (size_t)number(at + 32, 2);
    if (*taken > left)
        return tern_fail(err, TERN_FORMAT, "%s: the zip archive's directory is damaged", label);
    e->name = (const char *)at + CENTRAL;
    e->name_bytes = name;
    shown = name > 100 ? 100 : (int)name;

    const unsigned flags = (unsigned)number(at + 8, 2), method = (unsigned)number(at + 10, 2);
    uint64_t stored = number(at + 20, 4), plain = number(at + 24, 4), offset = number(at + 42, 4), begin;
    uint64_t *const numbers[3] = {&plain, &stored, &offset};
    if (!read_extra64(numbers, at + CENTRAL + name, extra))
        return BAD("has no zip64 numbers");
    if (flags & 1)
        return BAD("is encrypted, which is not supported");
    if (method != 0 || stored != plain)
        return BAD(
            "is compressed, which torch.save never does; load the model in Python and torch.save its state_dict()");
    if (offset > size || size - offset < LOCAL || number(bytes + offset, 4) != 0x04034b50)
        return BAD("does not lie in the file: the file is truncated or damaged");
    begin = LOCAL + number(bytes + offset + 26, 2) + number(bytes + offset + 28, 2);
    if (begin > size - offset || plain > size - offset - begin)
        return BAD("does not lie in the file: the file is truncated or damaged");
    e->data = bytes + offset + begin;
    e->bytes = (size_t)plain;
    return TERN_OK;
}

static int by_name(const void *a, const void *b)
{
    const struct tern_zip_entry *x = a, *y = b;
    const int order = memcmp(x->name, y->name, x->name_bytes < y->name_bytes ? x->name_bytes : y->name_bytes);
    return order ? order : (x->name_bytes > y->name_bytes) - (x->name_bytes < y->name_bytes);
}

static tern_status read_entries(struct tern_zip *zip, const struct directory *d, const uint8_t *bytes, size_t size,
                                const char *label, tern_error *err)
{
    size_t at = (size_t)d->begin, left = (size_t)d->bytes, taken = 0;
    tern_status status = TERN_OK;

    if (d->entries == 0)
        return tern_fail(err, TERN_FORMAT, "%s: the zip archive has no entries", label);
    zip->entries = calloc((size_t)d->entries, sizeof zip->entries[0]);
    if (!zip->entries)
        return tern_fail_nomem(err, label, (size_t)d->entries * sizeof zip->entries[0]);
    for (; zip->n_entries < d->entries; zip->n_entries++) {
        status = read_entry(&zip->entries[zip->n_entries], bytes + at, left, bytes, size, &taken, label, err);
        if (status)
            return status;
        at += taken;
        left -= taken;
    }
    qsort(zip->entries, zip->n_entries, sizeof zip->entries[0], by_name);
    for (size_t i = 1; i < zip->n_entries; i++)
        if (by_name(&zip->entries[i - 1], &zip->entries[i]) == 0)
            return tern_fail(err, TERN_FORMAT, "%s: zip entry %.*s is there twice", label,
                             (int)(zip->entries[i].name_bytes > 100 ? 100 : zip->entries[i].name_bytes),
                             zip->entries[i].name);
    return TERN_OK;
}

tern_status tern_zip_open(struct tern_zip *out, const uint8_t *bytes, size_t size, const char *label, tern_error *err)
{
    struct directory d = {0, 0, 0};
    tern_status status = find_directory(&d, bytes, size, label, err);

    memset(out, 0, sizeof *out);
    if (!status)
        status = read_entries(out, &d, bytes, size, label, err);
    if (status)
        tern_zip_close(out);
    return status;
}

void tern_zip_close(struct tern_zip *zip)
{
    free(zip->entries);
    memset(zip, 0, sizeof *zip);
}

const struct tern_zip_entry *tern_zip_find(const struct tern_zip *zip, const char *name, size_t name_bytes)
{
    const struct tern_zip_entry key = {.name = name, .name_bytes = name_bytes};
    return zip->n_entries ? bsearch(&key, zip->entries, zip->n_entries, sizeof key, by_name) : NULL;
}
