/* Reads arrays of floats in NumPy's format, and writes its headers. */
#include "tools/npy.h"

#include "runtime/base/file.h"
#include "runtime/base/half.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MAGIC = 6, PREFIX = 8, HEADER_MOST = 1 << 16 /* bytes; NumPy's own are 118 */, COLUMNS_MOST = 1 << 20 };
static const char magic[MAGIC + 1] = "\x93NUMPY";

int npy_is(const char *path)
{
    const size_t length = strlen(path);
    if (length > 4 && !strcmp(path + length - 4, ".npy"))
        return 1;
    char begin[MAGIC];
    FILE *file = fopen(path, "rbe");
    struct stat st;
    /* Of a pipe the bytes would be gone. */
    const int is = file && !fstat(fileno(file), &st) && S_ISREG(st.st_mode) && fread(begin, 1, MAGIC, file) == MAGIC &&
                   !memcmp(begin, magic, MAGIC);
    if (file)
        fclose(file);
    return is;
}

/* ---- The header, which is an expression of Python's: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } ---
 */

static void skip_spaces(const char **at)
{
    *at += strspn(*at, " \n");
}

/* Takes the word if it comes next. */
static int take(const char **at, const char *word)
{
    skip_spaces(at);
    const size_t length = strlen(word);
    if (strncmp(*at, word, length))
        return 0;
    *at += length;
    return 1;
}

/* (3, 4): the two numbers; returns how many dimensions there are, -1 when it is no shape. */
static int take_shape(const char **at, size_t shape[2])
{
    int n = 0;
    if (!take(at, "("))
        return -1;
    for (; !take(at, ")"); n++) {
        char *end;
        if (**at < '0' || **at > '9')
            return -1;
        errno = 0;
        const unsigned long long value = strtoull(*at, &end, 10);
        if (errno || value > SIZE_MAX)
            return -1;
        if (n < 2)
            shape[n] = (size_t)value;
        *at = end;
        if (!take(at, ",") && **at != ')')
            return -1;
    }
    return n;
}

static tern_status bad(const struct npy *npy, tern_error *err)
{
    return tern_fail(err, TERN_INPUT, "%.200s: its header is none of NumPy's; save the vectors with numpy.save",
                     npy->path);
}

static tern_status read_header(struct npy *npy, const char *at, tern_error *err)
{
    static const char *const types[] = {"'<f2'", "'<f4'", "'<f8'"};
    size_t shape[2] = {0, 0};
    int dimensions = -1, order = -1;
    char type[16] = "";
    if (!take(&at, "{"))
        return bad(npy, err);
    while (!take(&at, "}")) {
        if (take(&at, "'descr':")) {
            skip_spaces(&at);
            /* A type that is no string is a list of fields. */
            const size_t length = *at == '\'' ? strcspn(at + 1, "'") + 2 : strcspn(at, "]") + 1;
            if (length > strlen(at))
                return bad(npy, err);
            if (*at == '\'')
                snprintf(type, sizeof type, "%.*s", (int)(length < sizeof type ? length : sizeof type), at);
            else
                snprintf(type, sizeof type, "fields");
            at += length;
        } else if (take(&at, "'fortran_order':")) {
            order = take(&at, "True") ? 1 : take(&at, "False") ? 0 : -1;
        } else if (take(&at, "'shape':")) {
            dimensions = take_shape(&at, shape);
        } else {
            return bad(npy, err);
        }
        if (!take(&at, ",") && *at != '}')
            return bad(npy, err);
    }
    if (!*type || order < 0 || dimensions < 0)
        return bad(npy, err);
    for (int i = 0; i < 3; i++)
        if (!strcmp(type, types[i]))
            npy->bytes = 2 << i;
    if (!npy->bytes)
        return tern_fail(err, TERN_INPUT, "%.200s: its numbers are %s; '<f2', '<f4' and '<f8' are read: .astype('<f4')",
                         npy->path, type);
    if (dimensions != 2)
        return tern_fail(err, TERN_INPUT, "%.200s: its array has %d dimension%s, not two: [texts][numbers of a vector]",
                         npy->path, dimensions, dimensions == 1 ? "" : "s");
    if (order)
        return tern_fail(err, TERN_INPUT,
                         "%.200s: its columns lie one after the other (Fortran order), not its rows; save "
                         "numpy.ascontiguousarray of it",
                         npy->path);
    if (!shape[1] || shape[1] > COLUMNS_MOST)
        return tern_fail(err, TERN_INPUT, "%.200s: its vectors have %zu numbers; 1 to %d are read", npy->path, shape[1],
                         COLUMNS_MOST);
    npy->rows = shape[0];
    npy->columns = shape[1];
    return TERN_OK;
}

static tern_status ended(const struct npy *npy, const char *where, tern_error *err)
{
    return ferror(npy->file) ? tern_fail_errno(err, npy->path, "read", errno)
                             : tern_fail(err, TERN_INPUT, "%.200s: ends in %s; it was cut off", npy->path, where);
}

tern_status npy_open(struct npy *out, const char *path, tern_error *err)
{
    unsigned char prefix[PREFIX], length[4] = {0};
    *out = (struct npy){.path = path, .file = fopen(path, "rbe")};
    if (!out->file)
        return tern_fail_errno(err, path, "open", errno);
    if (fread(prefix, 1, PREFIX, out->file) != PREFIX)
        return ended(out, "its header", err);
    if (memcmp(prefix, magic, MAGIC) || prefix[MAGIC] < 1 || prefix[MAGIC] > 3)
        return bad(out, err);
    const size_t length_bytes = prefix[MAGIC] == 1 ? 2 : 4;
    if (fread(length, 1, length_bytes, out->file) != length_bytes)
        return ended(out, "its header", err);
    const uint32_t bytes = length[0] | (uint32_t)length[1] << 8 | (uint32_t)length[2] << 16 | (uint32_t)length[3] << 24;
    if (bytes > HEADER_MOST)
        return tern_fail(err, TERN_INPUT, "%.200s: its header has %u bytes, the limit is %d", path, bytes, HEADER_MOST);
    char *const header = malloc(bytes + 1);
    if (!header)
        return tern_fail_nomem(err, path, bytes + 1);
    tern_status status;
    if (fread(header, 1, bytes, out->file) != bytes) {
        status = ended(out, "its header", err);
    } else {
        header[bytes] = 0;
        status = read_header(out, header, err);
    }
    free(header);
    return status;
}

static float to_float(const unsigned char *at, int bytes)
{
    uint16_t half;
    float single;
    double wide;
    switch (bytes) {
    case 2: memcpy(&half, at, sizeof half); return tern_from_half(half);
    case 4: memcpy(&single, at, sizeof single); return single;
    default: memcpy(&wide, at, sizeof wide); return (float)wide;
    }
}

tern_status npy_read(struct npy *npy, float *values, tern_error *err)
{
    const size_t row_bytes = npy->columns * (size_t)npy->bytes;
    char where[64];
    unsigned char *const row = malloc(row_bytes + 1);
    tern_status status = row ? TERN_OK : tern_fail_nomem(err, npy->path, row_bytes + 1);
    for (size_t i = 0; i < npy->rows && !status; i++) {
        snprintf(where, sizeof where, "row %zu of %zu", i + 1, npy->rows);
        if (fread(row, 1, row_bytes, npy->file) != row_bytes) {
            status = ended(npy, where, err);
            break;
        }
        for (size_t k = 0; k < npy->columns && !status; k++, values++) {
            *values = to_float(row + k * (size_t)npy->bytes, npy->bytes);
            if (!isfinite(*values))
                status = tern_fail(err, TERN_INPUT, "%.200s: %s has a number that is not finite", npy->path, where);
        }
    }
    if (!status && getc(npy->file) != EOF)
        status = tern_fail(err, TERN_INPUT, "%.200s: goes on behind its last row, %zu", npy->path, npy->rows);
    free(row);
    return status;
}

void npy_close(struct npy *npy)
{
    if (npy->file)
        fclose(npy->file);
    npy->file = NULL;
}

void npy_header(char header[NPY_HEADER + 1], const char *type, size_t rows, size_t columns)
{
    snprintf(header, NPY_HEADER + 1, "%-127s\n", "");
    memcpy(header, "\x93NUMPY\x01\x00\x76\x00", NPY_SAME);
    int n = snprintf(header + NPY_SAME, NPY_HEADER - NPY_SAME,
                     "{'descr': '%.4s', 'fortran_order': False, 'shape': (%zu, %zu), }", type, rows, columns);
    header[NPY_SAME + n] = ' ';
}
