/* Rounds vectors: halves, places in ranges, signs. The same numbers as NumPy gives sentence-transformers, which
   computes ranges and places in floats. */
#include "tools/precision.h"

#include "runtime/base/half.h"
#include "tools/cli.h"
#include "tools/npy.h"
#include "tools/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const precision_names[N_PRECISIONS] = {"f32", "f16", "int8", "uint8", "binary", "ubinary"};

int precision_has_ranges(enum precision kind)
{
    return kind == PRECISION_INT8 || kind == PRECISION_UINT8;
}

size_t precision_numbers(const struct rounding *r)
{
    const int bits = r->kind == PRECISION_BINARY || r->kind == PRECISION_UBINARY;
    return bits ? ((size_t)r->columns + 7) / 8 : (size_t)r->columns;
}

size_t precision_bytes(enum precision kind)
{
    return kind == PRECISION_F32 ? 4 : kind == PRECISION_F16 ? 2 : 1;
}

float precision_half(uint16_t half)
{
    return tern_from_half(half);
}

/* ---- Ranges ------------------------------------------------------------------------------------------------------ */

static int reserve(struct rounding *r)
{
    const size_t n = 2 * (size_t)r->columns;
    r->least = malloc(n * sizeof *r->least);
    if (!r->least)
        return cli_nomem(n * sizeof *r->least);
    r->most = r->least + r->columns;
    return CLI_OK;
}

int rounding_read(struct rounding *r, const char *path)
{
    struct npy npy;
    tern_error err;
    int code = npy_open(&npy, path, &err) ? cli_status(&err) : CLI_OK;
    if (!code && (npy.rows != 2 || npy.columns != (size_t)r->columns))
        code = cli_fail(CLI_INPUT,
                        "%s: has %zu rows of %zu numbers; ranges are 2 rows of the vectors' %d, the least "
                        "and the largest of each; make them with --write-ranges",
                        path, npy.rows, npy.columns, r->columns);
    if (!code)
        code = reserve(r);
    if (!code && npy_read(&npy, r->least, &err))
        code = cli_status(&err);
    npy_close(&npy);
    return code;
}

int rounding_take(struct rounding *r, const float *vector)
{
    const int code = r->least ? CLI_OK : reserve(r);
    for (int32_t i = 0; i < r->columns && !code; i++) {
        if (!r->seen || vector[i] < r->least[i])
            r->least[i] = vector[i];
        if (!r->seen || vector[i] > r->most[i])
            r->most[i] = vector[i];
    }
    r->seen += !code;
    return code;
}

int rounding_write(const struct rounding *r, const char *path, const char *const *inputs)
{
    struct tern_writer writer = {0};
    char header[NPY_HEADER + 1];
    int code = output_open(&writer, path, OUTPUT_BINARY, inputs);
    npy_header(header, "<f4", 2, (size_t)r->columns);
    if (!code) {
        fwrite(header, 1, NPY_HEADER, writer.stream);
        fwrite(r->least, sizeof *r->least, 2 * (size_t)r->columns, writer.stream);
        code = output_written(&writer);
    }
    if (!code)
        code = output_commit(&writer);
    output_discard(&writer);
    return code;
}

void rounding_free(struct rounding *r)
{
    free(r->least);
    r->least = r->most = NULL;
}

/* ---- Rounding ---------------------------------------------------------------------------------------------------- */

/* 0 .. 255: which of 256 steps of the range a number lies in; of a range of one number steps are 1 long. */
static int place_of(const struct rounding *r, int32_t i, float value)
{
    float step = (r->most[i] - r->least[i]) / 255.0f;
    step = step == 0 ? 1 : step;
    const float place = floorf((value - r->least[i]) / step);
    return place > 255 ? 255 : place >= 0 ? (int)place : 0;
}

static void pack_signs(const struct rounding *r, const float *vector, int offset, uint8_t *out)
{
    for (int32_t i = 0; i < r->columns; i += 8) {
        int byte = 0;
        for (int32_t k = i; k < i + 8; k++)
            byte = 2 * byte + (k < r->columns && vector[k] > 0);
        out[i / 8] = (uint8_t)(byte - offset);
    }
}

void rounding_apply(const struct rounding *r, const float *vector, void *out)
{
    const float none = NAN;
    const size_t n = precision_numbers(r);
    uint8_t *const bytes = out;
    if (!vector && r->kind != PRECISION_F32 && r->kind != PRECISION_F16) {
        memset(out, 0, n);
        return;
    }
    if (r->kind == PRECISION_BINARY || r->kind == PRECISION_UBINARY) {
        pack_signs(r, vector, r->kind == PRECISION_BINARY ? 128 : 0, out);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const float value = vector ? vector[i] : none;
        if (r->kind == PRECISION_F32) {
            memcpy(bytes + 4 * i, &value, sizeof value);
        } else if (r->kind == PRECISION_F16) {
            const uint16_t half = tern_to_half(value);
            memcpy(bytes + 2 * i, &half, sizeof half);
        } else {
            bytes[i] = (uint8_t)(place_of(r, (int32_t)i, value) - (r->kind == PRECISION_INT8 ? 128 : 0));
        }
    }
}
